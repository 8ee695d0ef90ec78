import { builtin } from './builtin.ts'
import type { Contender, ContenderName } from './contender.ts'
import { none } from './none.ts'
import { rserv } from './rserv.ts'

const CONTENDERS: Record<Exclude<ContenderName, 'pipe'>, Contender> = { none, rserv, builtin }

/** @throws Error for the pipe, which follows nothing */
export function contender(name: ContenderName): Contender {
  if (name === 'pipe') throw new Error('a pipe only copies')
  return CONTENDERS[name]
}
