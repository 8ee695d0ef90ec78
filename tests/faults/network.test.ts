import { replicate } from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'
import type { Fate, Proxy } from '../support/proxy.ts'
import { startProxy } from '../support/proxy.ts'
import { settle } from '../support/settle.ts'

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

const COMMITS = [
  ['cut before the slave hears of it', 'cut', 'rejects'],
  ['cut before the slave answers', 'pass, then cut', 'resolves'],
] as const

test.each(COMMITS)('case 152: COMMIT on the slave %s: the outcome is read, not guessed', async (_what, fate, how) => {
  await using pair = await filled()
  await using proxy = await startProxy(pair.slave.config)
  // The first two end the looks at the server and at the node.
  once(proxy, 'commit\0', fate, 3)
  const run = replicate(pair.master.config, proxy.config)
  if (how === 'rejects') {
    await expect(run).rejects.toMatchObject({ code: 'CONNECT', side: 'slave' })
    const [row] = await pair.slave.query(`select count(*)::int as n from t where v = 'new'`)
    expect(row).toEqual({ n: 0 })
  } else expect(await run).toMatchObject({ outcome: 'applied' })
  await settle(() => pair.sync())
  await pair.expectEqual('t')
})

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
    let failures = 0
    for (const fate of ['cut', 'stall'] as const) {
      for (const text of PIECES) {
        await pair.master.query(`update t set v = '${fate} ${text.replaceAll(/\W/g, ' ')}' where id % 2 = 0`)
        once(proxy, text, fate)
        const giveUp = new AbortController()
        // Nobody can tell a silent network from a slow one: whoever waits may give up.
        const timer = setTimeout(() => giveUp.abort(), 1500)
        try {
          await replicate(sides.master, sides.slave, { signal: giveUp.signal })
        } catch (error) {
          expect(['CONNECT', 'CANCELLED', 'SQL']).toContain((error as { code: string }).code)
          failures++
        } finally {
          clearTimeout(timer)
        }
        proxy.onSent = () => 'pass'
        proxy.cut()
        await settle(() => pair.sync(), ['BUSY', 'LOCK_TIMEOUT'])
        await pair.expectEqual('t')
      }
    }
    expect(failures).toBeGreaterThan(3)
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
