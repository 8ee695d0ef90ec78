import type { DdlOptions, DdlResult } from '@rserv/core'
import { ddl, slaveRemoveTables, status } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

const T = 'create table t (id int primary key, v text)'

function runScript(pair: Pair, script: string | undefined, options: Partial<DdlOptions> = {}): Promise<DdlResult> {
  return ddl(pair.master.config, [pair.slave.config], { script, backends, ...options })
}

async function expectUntouched(pair: Pair): Promise<void> {
  expect(await pair.master.query('select * from rserv.ddl')).toEqual([])
  expect(await pair.slave.query('select * from rserv.slave_ddl')).toEqual([])
  const columns = `select attname from pg_attribute where attrelid = 't'::regclass and attnum > 0 order by attnum`
  expect(await pair.master.query(columns)).toEqual(await pair.slave.query(columns))
  await pair.master.query(`insert into t (id) select coalesce(max(id), 0) + 1 from t`)
  await pair.syncAndCompare('t')
}

const BAD: Record<string, readonly [script: string, code: string, sqlState: string | undefined]> = {
  'a mistake': [`alter table t add a int;\nalter table t add b nonsense`, 'SCRIPT', '42704'],
  'bad syntax': ['alter table t add a int; alter tabel t', 'SCRIPT', '42601'],
  'a COMMIT': ['alter table t add a int; commit; alter table t add b int', 'SCRIPT', '0A000'],
  'a ROLLBACK': ['alter table t add a int; rollback', 'SCRIPT', '0A000'],
  'a statement that needs a transaction of its own': ['create index concurrently on t (v)', 'SCRIPT', '25001'],
  VACUUM: ['alter table t add a int; vacuum t', 'SCRIPT', '25001'],
  'COPY from the client': ['copy t from stdin', 'SCRIPT', '0A000'],
  'no key left': ['alter table t drop constraint t_pkey', 'NO_KEY', undefined],
  'a table that a crash would empty': ['alter table t set unlogged', 'UNSUPPORTED_TABLE', undefined],
}

test.each(Object.entries(BAD))(
  'a script with %s is refused, and nothing was changed anywhere',
  async (_what, [script, code, sqlState]) => {
    await using pair = await replicatedPair(T)
    await pair.master.query(`insert into t values (1, 'a')`)
    const error = await runScript(pair, script).catch((reason: unknown) => reason)
    expect(error).toMatchObject({ code, sqlState, side: 'master' })
    await expectUntouched(pair)
  },
)

test('the line of a mistake is told', async () => {
  await using pair = await replicatedPair(T)
  await expect(runScript(pair, `alter table t add a int;\n\nalter tabel t`)).rejects.toMatchObject({
    message: expect.stringContaining('line 3'),
  })
})

test('settings and roles of a script do not outlive it', async () => {
  await using pair = await replicatedPair(T)
  await using role = await createRole('', [pair.master, pair.slave])
  await runScript(
    pair,
    `set search_path = pg_catalog; set datestyle = german; set role "${role.name}"; set lock_timeout = 1; set timezone = 'Asia/Tokyo'`,
  )
  await pair.master.query(`insert into t values (1, 'a')`)
  await pair.syncAndCompare('t')
  expect((await status(pair.master.config)).servers).toMatchObject([{ scripts: [] }])
})

test('while somebody holds the table a script waits, gives up in time, and changed nothing', async () => {
  await using pair = await replicatedPair(T)
  const other = await pair.master.connect()
  await other.query(`begin; insert into t values (1, 'a')`)
  const refused = runScript(pair, 'alter table t add a int', { attempts: 2, lockTimeoutMs: 50 })
  await expect(refused).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', side: 'master' })
  await other.query('commit')
  await expectUntouched(pair)
  expect(await runScript(pair, 'alter table t add a int')).toMatchObject({ outcome: 'run' })
})

test('readers of a slave are not held up for long: the script gives its lock up, and comes again', async () => {
  await using pair = await replicatedPair(T)
  const reader = await pair.slave.connect()
  await reader.query('begin; select * from t')
  const result = await runScript(pair, 'alter table t add a int', { waitMs: 1 })
  expect(result.slaves).toMatchObject([{ outcome: 'waiting', error: { code: 'LOCK_TIMEOUT', side: 'slave' } }])
  expect(await pair.slave.query('select * from t')).toEqual([])
  const again = runScript(pair, undefined)
  await reader.query('commit')
  expect((await again).slaves).toMatchObject([{ outcome: 'done', scripts: ['1'] }])
})

test('the same script is not run again, unless it is said so; --resume needs none', async () => {
  await using pair = await replicatedPair(`${T}; create table done (n int)`, { tables: ['t'] })
  const script = 'insert into done values (1); alter table t alter v set default 1'
  await runScript(pair, script)
  expect(await runScript(pair, script)).toMatchObject({ outcome: 'was-run', script: '1', slaves: [{ scripts: [] }] })
  expect(await runScript(pair, script, { again: true })).toMatchObject({ outcome: 'run', script: '2' })
  expect(await runScript(pair, undefined)).toMatchObject({
    outcome: 'none',
    script: null,
    slaves: [{ outcome: 'done' }],
  })
  for (const database of [pair.master, pair.slave]) {
    expect(await database.query('select count(*)::int as n from done')).toEqual([{ n: 2 }])
  }
})

test('a slave where a script fails stays before it until it can run, or is told to skip it', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await slave.query('alter table t add a int')
  const result = await runScript(pair, 'alter table t add a int')
  expect(result).toMatchObject({
    outcome: 'run',
    slaves: [{ outcome: 'waiting', error: { code: 'SCRIPT', side: 'slave', sqlState: '42701' } }],
    waiting: [{ scripts: ['1'] }],
  })
  await master.query(`insert into t values (1, 'a', 5)`)
  await expect(pair.sync()).rejects.toMatchObject({ code: 'SCRIPT', hint: expect.stringContaining('--skip 1') })
  expect(await slave.query('select * from t')).toEqual([])
  expect(await runScript(pair, undefined, { skip: '1' })).toMatchObject({ slaves: [{ outcome: 'done' }], waiting: [] })
  await pair.expectEqual('t')
  expect(await slave.query('select ddl_id, skipped from rserv.slave_ddl')).toEqual([{ ddl_id: '1', skipped: true }])
  await runScript(pair, 'alter table t add b int')
  await slave.query('alter table t rename to gone')
  expect(await runScript(pair, 'alter table t add c int')).toMatchObject({ slaves: [{ outcome: 'waiting' }] })
  await slave.query('alter table gone rename to t')
  await pair.syncAndCompare('t')
})

test('a slave that cannot be reached is told, and the others go on', async () => {
  await using pair = await replicatedPair(T)
  const gone = { ...pair.slave.config, database: 'rserv_test_not_there' }
  const result = await ddl(pair.master.config, [gone, pair.slave.config], {
    script: 'alter table t add a int',
    backends,
  })
  expect(result.slaves).toMatchObject([{ outcome: 'waiting', error: { code: 'CONNECT' } }, { outcome: 'done' }])
})

test('a slave that starts anew before it has run a script runs it first', async () => {
  await using pair = await replicatedPair(T)
  await ddl(pair.master.config, [], { script: 'alter table t add a int', backends })
  await pair.master.query(`insert into t values (1, 'a', 5)`)
  await pair.slave.query(`update rserv.slave_sync set sync_id = null, position = null, token = null, applied_at = null;
    update rserv.slave_table set state = 'new', origin = null`)
  expect((await pair.syncAndCompare('t')).scripts).toEqual(['1'])
  await slaveRemoveTables(pair.slave.config, { tables: ['t'] })
})
