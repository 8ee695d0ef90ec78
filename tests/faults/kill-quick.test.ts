import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Point } from '@rserv/core'
import { replicate } from '@rserv/core'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from '../support/audit.ts'
import type { Pair } from '../support/pair.ts'
import { replicatedPair } from '../support/pair.ts'
import { settle } from '../support/settle.ts'
import { tally } from '../support/tally.ts'

const DRIVER = fileURLToPath(new URL('../support/follower.mjs', import.meta.url))
const TABLES = ['t', 'u']
const POINTS_OF_A_QUICK_TRANSFER: Point[] = [
  'changes.snapshot',
  'transfer.durable',
  'apply.locked',
  'apply.position',
  'apply.committed',
  'acknowledge.confirmed',
]

/** Follows until it dies at the point, while `change` runs again and again; returns the points reached. */
async function killAt(pair: Pair, point: Point, change: () => Promise<void>): Promise<Point[]> {
  const run = { master: pair.master.config, slave: pair.slave.config, killAt: point }
  const child = spawn(process.execPath, [DRIVER], {
    env: { ...process.env, RSERV_TEST_RUN: JSON.stringify(run) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const reached: Point[] = []
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>
  const ready = new Promise<void>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { point?: Point; quick?: boolean }
      if (line.point && line.quick) reached.push(line.point)
      else resolve()
    })
  })
  await Promise.race([ready, ended])
  while (child.exitCode === null && child.signalCode === null) await change()
  const [, signal] = await ended
  expect(signal).toBe('SIGKILL')
  return reached
}

test('case 159: killed at every point of a quick transfer, nothing is lost', async () => {
  await using pair = await replicatedPair(
    'create table t (id int primary key, v int); create table u (a text, b int, v int, primary key (a, b))',
  )
  await installAudit(pair.master, TABLES)
  let n = 0
  const change = async (): Promise<void> => {
    n++
    await pair.master.query(`begin; insert into t values (${n}, 0); update t set v = ${n} where id > ${n - 5};
      delete from t where id = ${n - 10}; insert into u values ('k', ${n}, 1); update u set b = -b where b = ${n - 3}; commit`)
  }
  await change()
  await pair.sync()
  let rows = 0
  for (const point of POINTS_OF_A_QUICK_TRANSFER) {
    const reached = await killAt(pair, point, change)
    expect(reached.at(-1)).toBe(point)
    rows += await expectAsOf(pair.master, pair.slave, TABLES)
    await settle(() => replicate(pair.master.config, pair.slave.config))
    await pair.expectEqual(...TABLES)
  }
  tally('killed in a quick transfer', { 'points killed at': POINTS_OF_A_QUICK_TRANSFER.length, 'rows compared': rows })
  expect(rows).toBeGreaterThan(POINTS_OF_A_QUICK_TRANSFER.length)
})
