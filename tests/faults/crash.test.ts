import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import type { Point } from '@rserv/core'
import { replicate } from '@rserv/core'
import { testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from '../support/audit.ts'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'
import { startReplicator } from '../support/replicator.ts'
import { settle } from '../support/settle.ts'
import { tally } from '../support/tally.ts'

/** Commits of the application are not flushed for a while: a crash of the master loses the last of them. */
const LAZY = { synchronous_commit: 'off', wal_writer_delay: '10s', fsync: 'on' }
const TABLES = ['t', 'u']
const DDL = `create table t (id int primary key, v text); create table u (a int, b text, v int, primary key (a, b))`

const PHASES: readonly Point[] = [
  'acknowledge.registered',
  'changes.snapshot',
  'apply.staged',
  'apply.copied',
  'transfer.recorded',
  'transfer.durable',
  'apply.position',
  'apply.committed',
]

async function change(pair: Pair, round: number): Promise<void> {
  const first = round * 100
  await pair.master.query(
    `insert into t select i, 'r${round}' from generate_series(${first}, ${first + 99}) i;
      update t set v = v || '!' where id % 5 = 0; delete from t where id % 100 = 7;
      insert into u select i, 'k', ${round} from generate_series(${first}, ${first + 9}) i; update u set b = b || 'x' where v = ${round - 1}`,
  )
}

test.each(['master', 'slave'] as const)(
  'cases 153, 158: the %s crashes in each phase, with synchronous_commit = off on both',
  { timeout: 300_000 },
  async (victim) => {
    await using master = await startServer({ major: testMajor(), settings: LAZY })
    await using slave = await startServer({ major: testMajor(), settings: LAZY })
    const servers: Record<'master' | 'slave', Server> = { master, slave }
    await using pair = await replicatedPair(DDL, { servers: { master: master.config(), slave: slave.config() } })
    await installAudit(pair.master, TABLES)
    const sides = { master: pair.master.config, slave: pair.slave.config }
    await change(pair, 1)
    await replicate(sides.master, sides.slave)
    let rows = 0
    for (const [index, point] of PHASES.entries()) {
      await change(pair, index + 2)
      const run = startReplicator(sides, { pauseAt: point })
      expect({ point, paused: await run.paused }).toEqual({ point, paused: true })
      await servers[victim].stop('immediate', { keepFolder: true })
      run.goOn()
      await run.ended
      await servers[victim].start()
      await pair[victim].reconnect()
      rows += await expectAsOf(pair.master, pair.slave, TABLES)
      await settle(() => replicate(sides.master, sides.slave))
      rows += await expectAsOf(pair.master, pair.slave, TABLES)
      await pair.expectEqual(...TABLES)
    }
    tally(`crash of the ${victim}`, { crashes: PHASES.length, 'rows compared': rows })
    expect(rows).toBeGreaterThan(1000)
  },
)
