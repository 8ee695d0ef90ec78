import { bucardoContender } from './bucardo.ts'
import { builtin } from './builtin.ts'
import type { Contender, ContenderName, PeerContender, PeerName } from './contender.ts'
import { PEERS } from './contender.ts'
import { londisteContender } from './londiste.ts'
import { none } from './none.ts'
import { rserv } from './rserv.ts'
import { slony } from './slony.ts'

const PEER_CONTENDERS: Record<PeerName, PeerContender> = {
  slony,
  londiste: londisteContender,
  bucardo: bucardoContender,
}

const CONTENDERS: Record<Exclude<ContenderName, 'pipe'>, Contender> = { none, rserv, builtin, ...PEER_CONTENDERS }

/** @throws Error for the pipe, which follows nothing */
export function contender(name: ContenderName): Contender {
  if (name === 'pipe') throw new Error('a pipe only copies')
  return CONTENDERS[name]
}

export function isPeer(name: ContenderName): name is PeerName {
  return PEERS.some((peer) => peer === name)
}

export function peer(name: PeerName): PeerContender {
  return PEER_CONTENDERS[name]
}
