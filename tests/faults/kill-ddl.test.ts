import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Point } from '@rserv/core'
import { ddl, DDL_POINTS, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { compareTable, createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'
import { settle } from '../support/settle.ts'
import { tally } from '../support/tally.ts'

const DRIVER = fileURLToPath(new URL('../support/ddl-runner.mjs', import.meta.url))

interface End {
  readonly signal: NodeJS.Signals | null
  readonly reached: readonly Point[]
}

async function runDdl(
  pair: Pair,
  slaves: readonly TestDatabase[],
  at: { script: string; killAt?: Point; times?: number },
): Promise<End> {
  const run = { master: pair.master.config, slaves: slaves.map(({ config }) => config), ...at }
  const child = spawn(process.execPath, [DRIVER], {
    env: { ...process.env, RSERV_TEST_RUN: JSON.stringify(run) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const reached: Point[] = []
  createInterface({ input: child.stdout }).on('line', (text) => {
    const { point } = JSON.parse(text) as { point?: Point }
    if (point) reached.push(point)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { signal, reached }
}

/** How often each script ran there: every one leaves a row in a table that is not replicated. */
async function ran(database: TestDatabase): Promise<unknown> {
  return database.query('select name, count(*)::int as times from done group by 1 order by 1')
}

test(
  'ddl is killed at each of its points, also on the way to the second slave, and goes on where it stopped',
  { timeout: 240_000 },
  async () => {
    const DDL = 'create table t (id int primary key, v text, n int); create table done (name text)'
    await using pair = await replicatedPair(DDL, { tables: ['t'] })
    const { master, slave } = pair
    await using second = await createDatabase({ label: 'kill_ddl', server: slave.config })
    await second.query(DDL)
    await slaveInit(second.config)
    await slaveAddTables(second.config, { tables: ['t'] })
    await replicate(master.config, second.config)
    const slaves = [slave, second]
    const rounds = [
      ...DDL_POINTS.map((killAt) => ({ killAt, times: 1 })),
      { killAt: 'apply.script' as const, times: 2 },
    ]
    const expected: { name: string; times: number }[] = []
    for (const [round, { killAt, times }] of rounds.entries()) {
      const name = `round ${String(round).padStart(2, '0')}`
      await master.query(`insert into t values (${round}, '${name}', 0); update t set v = v || '.' where id < ${round}`)
      const script = `alter table t drop n; alter table t add n int default ${round}; alter table t rename v to v${round};
      alter table t rename v${round} to v; insert into done values ('${name}'); update t set n = id where id % 2 = 0`
      const { signal, reached } = await runDdl(pair, slaves, { script, killAt, times })
      expect({ killAt, signal, last: reached.at(-1) }).toEqual({ killAt, signal: 'SIGKILL', last: killAt })
      await master.query(
        `update t set v = 'between' where id = ${round}; insert into t (id, v) values (${1000 + round}, 'x')`,
      )
      const result = await settle(() =>
        ddl(
          master.config,
          slaves.map(({ config }) => config),
          { script, backends },
        ),
      )
      expect(result).toMatchObject({ waiting: [], slaves: [{ outcome: 'done' }, { outcome: 'done' }] })
      expected.push({ name, times: 1 })
      for (const database of [master, ...slaves]) expect(await ran(database), killAt).toEqual(expected)
      for (const copy of slaves) {
        expect(await compareTable(master, copy, 't'), killAt).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
      }
    }
    tally('ddl killed', { 'points killed at': rounds.length, 'scripts run once on each of 3': expected.length })
  },
)
