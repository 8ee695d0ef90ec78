import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, runCli } from '@rserv/test-utils'
import { describe, expect, test } from 'vitest'
import type { Failure } from '../failures.ts'
import { fails, ORDERS, ready, unchanged } from '../failures.ts'
import type { CliPair } from '../support.ts'
import { rserv } from '../support.ts'

async function snapshotOf(pair: CliPair, ...args: string[]): Promise<Buffer> {
  return (await rserv('prepare-snapshot', pair.master.uri, ...args)).stdoutBytes
}

/** Expects a file to be refused, with nothing changed. */
async function refused(pair: CliPair, input: Buffer, expected: Failure): Promise<void> {
  await unchanged(pair, () => fails(['apply-snapshot', pair.slave.uri], expected, { input }))
}

describe('snapshot files', () => {
  test('damaged: nothing, no snapshot at all, cut off, a bit turned, something after it', async () => {
    await using pair = await ready()
    await pair.master.query(`insert into orders select i, md5(i::text) from generate_series(1, 5000) i`)
    const whole = await snapshotOf(pair)
    const bad: Failure = { error: 'BAD_SNAPSHOT', says: /snapshot/ }
    await refused(pair, Buffer.alloc(0), bad)
    await refused(pair, Buffer.from('-- SYNCID 5\n-- OK\n'), bad)
    for (const length of [1, 100, whole.length >> 1, whole.length - 20, whole.length - 1]) {
      await refused(pair, whole.subarray(0, length), bad)
    }
    for (const at of [20, whole.length >> 1, whole.length - 30]) {
      const turned = Buffer.from(whole)
      turned[at] = (turned[at] ?? 0) ^ 4
      await refused(pair, turned, bad)
    }
    await refused(pair, Buffer.concat([whole, Buffer.from('more')]), bad)
    const done = await runCli(['apply-snapshot', pair.slave.uri], { input: whole })
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('5000 rows') })
  })

  test('foreign: for another slave, from another master, from a position not reached', async () => {
    await using pair = await ready()
    const { master, slave } = pair
    await using other = await ready()
    await master.query(`insert into orders values (1, 'a')`)
    await other.master.query(`insert into orders values (1, 'other')`)
    const wrong: Failure = { error: 'WRONG_SNAPSHOT', says: /^hint: /m }
    await refused(pair, await snapshotOf(pair, '--server', 'elsewhere'), wrong)
    await refused(pair, await snapshotOf(other), wrong)
    const skipped = await snapshotOf(pair, '--server', slave.name)
    await rserv('master-sync', master.uri, String(await lastSync(master)))
    await master.query(`insert into orders values (2, 'b')`)
    await refused(pair, await snapshotOf(pair, '--server', slave.name), wrong)
    expect(await runCli(['apply-snapshot', slave.uri], { input: skipped })).toMatchObject({ code: 0 })
  })

  test('for which slave it is must be said where there are several', async () => {
    await using pair = await ready()
    await using second = await createDatabase({ label: 'cli_s2' })
    await second.query(ORDERS)
    await rserv('slave-init', second.uri)
    await rserv('slave-add-table', second.uri, 'orders')
    await rserv('replicate', pair.master.uri, second.uri, '--server', 'berlin')
    const run = await runCli(['prepare-snapshot', pair.master.uri])
    expect({ code: run.code, stdout: run.stdout }).toEqual({ code: 1, stdout: '' })
    expect(run.stderr).toMatch(/hint: --server .*berlin/)
  })
})

async function lastSync(master: TestDatabase): Promise<number> {
  const [row] = await master.query<{ id: number }>('select max(sync_id)::int as id from rserv.sync')
  return row?.id ?? 0
}
