import type { TransferResult } from '@rserv/core'
import { replicate } from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'
import type { Fate, Proxy } from '../support/proxy.ts'
import { startProxy } from '../support/proxy.ts'
import { settle } from '../support/settle.ts'
import { tally } from '../support/tally.ts'

const T = 'create table t (id int primary key, v text)'

async function filled(): Promise<Pair> {
  const pair = await replicatedPair(T)
  await pair.master.query(`insert into t select i, repeat('x', 200) from generate_series(1, 2000) i`)
  await pair.sync()
  await pair.master.query(`update t set v = 'new' where id % 3 = 0; delete from t where id % 7 = 0`)
  return pair
}

/** Applies a fate to the nth piece that holds the text. */
function once(proxy: Proxy, text: string, fate: Fate, nth = 1): void {
  let seen = 0
  proxy.onSent = (piece) => (piece.includes(text) && ++seen === nth ? fate : 'pass')
}

function outcomeOf(run: Promise<TransferResult>): Promise<string> {
  return run.then(
    ({ outcome }) => outcome,
    (error: { code: string }) => error.code,
  )
}

const COMMITS = [
  ['cut before the slave hears of it', 'cut', 'CONNECT'],
  ['cut before the slave answers', 'pass, then cut', 'applied'],
] as const

test.each(COMMITS)(
  'case 152: COMMIT on the slave %s: the outcome is read, not guessed',
  async (_what, fate, expected) => {
    await using pair = await filled()
    await using proxy = await startProxy(pair.slave.config)
    // The first three end the looks at the server, at the node and at what is to be copied.
    once(proxy, 'commit\0', fate, 4)
    const outcome = await outcomeOf(replicate(pair.master.config, proxy.config))
    expect(outcome).toBe(expected)
    const [row] = await pair.slave.query(`select exists (select from t where v = 'new') as there`)
    expect(row).toEqual({ there: expected === 'applied' })
    await settle(() => pair.sync())
    await pair.expectEqual('t')
  },
)

const PIECES = [
  'begin isolation',
  'copy (',
  'insert into rserv.sync',
  'copy "public"',
  'analyze',
  'insert into rserv.slave_sync',
]

test.each(['master', 'slave'] as const)(
  'cases 156, 157: the connection to the %s cut, or silent, at many places',
  async (side) => {
    await using pair = await filled()
    await using proxy = await startProxy(pair[side].config)
    const sides = { master: pair.master.config, slave: pair.slave.config, [side]: proxy.config }
    const outcomes: string[] = []
    for (const fate of ['cut', 'stall'] as const) {
      for (const text of PIECES) {
        await pair.master.query(`update t set v = '${fate} ${text.replaceAll(/\W/g, ' ')}' where id % 2 = 0`)
        once(proxy, text, fate)
        const giveUp = new AbortController()
        // Nobody can tell a silent network from a slow one: whoever waits may give up.
        const timer = setTimeout(() => giveUp.abort(), 1500)
        outcomes.push(await outcomeOf(replicate(sides.master, sides.slave, { signal: giveUp.signal })))
        clearTimeout(timer)
        proxy.onSent = () => 'pass'
        proxy.cut()
        await settle(() => pair.sync(), ['BUSY', 'LOCK_TIMEOUT'])
        await pair.expectEqual('t')
      }
    }
    const failures = outcomes.filter((outcome) => outcome !== 'applied')
    tally(`network of the ${side}`, {
      'connections cut or silent': outcomes.length,
      'transfers failed': failures.length,
    })
    expect(failures.length).toBeGreaterThan(3)
    expect(failures.filter((code) => !['CONNECT', 'CANCELLED'].includes(code))).toEqual([])
  },
)

test('a slow network only takes longer', async () => {
  await using pair = await filled()
  await using master = await startProxy(pair.master.config)
  await using slave = await startProxy(pair.slave.config)
  master.delayMs = 5
  slave.delayMs = 5
  expect(await replicate(master.config, slave.config)).toMatchObject({ outcome: 'applied' })
  await pair.expectEqual('t')
})
