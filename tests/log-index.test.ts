import { masterInit, watchMaster } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { backends, replicatedPair } from './support/pair.ts'

const DDL = 'create table t (id int primary key, v text)'

/** Pages of the log that were read by the work. */
async function pagesRead(master: TestDatabase, work: () => Promise<unknown>): Promise<number> {
  const read = async (): Promise<number> => {
    await master.query('select pg_stat_clear_snapshot()')
    const [row] = await master.query<{ n: number }>(
      `select sum(heap_blks_read + heap_blks_hit)::int as n from pg_statio_all_tables where schemaname = 'rserv' and relname ~ '^log_'`,
    )
    return row?.n ?? 0
  }
  const before = await settled(read)
  await work()
  return (await settled(read)) - before
}

/** Sessions tell what they read when they have rested for a moment. */
async function settled(read: () => Promise<number>): Promise<number> {
  for (let last = -1; ;) {
    const now = await read()
    if (now === last) return now
    last = now
    await new Promise((resolve) => setTimeout(resolve, 1200))
  }
}

test('a transfer reads the last pages of a long log, not all of it, without statistics and with old ones', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query('alter table rserv.log_1 set (autovacuum_enabled = false)')
  await master.query(`insert into t select i, 'v' from generate_series(1, 100000) i`)
  await pair.sync()
  const [size] = await master.query<{ pages: number }>(`select (pg_relation_size('rserv.log_1') / 8192)::int as pages`)
  expect(size?.pages).toBeGreaterThan(400)
  const change = async (): Promise<void> => {
    await master.query(`update t set v = 'w' where id % 10000 = 0`)
    await pair.sync()
  }
  // The transfer counts, and reads keys and rows; pages without an entry are few, and eight have one entry.
  expect(await pagesRead(master, change)).toBeLessThan(100)
  await master.query(`update t set v = 'y' where id = 1`)
  // What a session has read is known when it ends.
  const measure = async (): Promise<void> => {
    await using watch = await watchMaster(master.config)
    await watch.backlog()
  }
  expect(await pagesRead(master, measure)).toBeLessThan(100)
  await master.query('analyze rserv.log_1')
  await master.query(`update t set v = 'x'`)
  await pair.sync()
  expect(await pagesRead(master, change)).toBeLessThan(100)
  await pair.expectEqual('t')
}, 60_000)

test('one that follows makes the entries as it goes', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  const following = startFollowing(pair, { idleMs: 20 })
  await following.next('in-sync')
  const entries = `select count(*) filter (where not placeholder and not allnulls)::int as n
    from rserv_inspect.brin_page_items(rserv_inspect.get_raw_page('rserv.log_1_xid_idx', 2), 'rserv.log_1_xid_idx')`
  await master.query('create schema rserv_inspect; create extension pageinspect schema rserv_inspect')
  for (let n = 1; n <= 5; n++) {
    await master.query(`insert into t select i, 'v' from generate_series(${n * 1000}, ${n * 1000 + 999}) i`)
    await following.next('applied')
  }
  await following.stop()
  expect((await master.query<{ n: number }>(entries))[0]?.n).toBeGreaterThan(1)
  await pair.expectEqual('t')
})

test('a change is met that lands where VACUUM made room among old ones', async () => {
  await using pair = await replicatedPair(DDL)
  const { master } = pair
  await master.query(`insert into t select i, 'v' from generate_series(1, 20000) i`)
  await pair.sync()
  // What cleaning does where the log is not large enough to be emptied as a whole, or an aborted transaction.
  await master.query('delete from rserv.log_1')
  await master.query('vacuum rserv.log_1')
  await master.query(`insert into t select i, 'v' from generate_series(20001, 30000) i`)
  await pair.sync()
  await master.query(`delete from rserv.log_1 where k1 <= 25000`)
  await master.query('vacuum (truncate off) rserv.log_1')
  await master.query(`update t set v = 'w' where id in (1, 29999)`)
  const [place] = await master.query<{ early: boolean }>(
    `select bool_and(ctid < '(20,0)') as early from rserv.log_1 where k1 = 1`,
  )
  expect(place?.early).toBe(true)
  await pair.syncAndCompare('t')
})

/** A function of the capture as it was then; the table's id, the part and its rows are to be filled in. */
const FORMER_CAPTURE = `create or replace function rserv.capture_%1$s_%2$s() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $capture$
#variable_conflict use_column
<<rserv>>
declare
  transaction constant pg_catalog.xid8 := pg_catalog.pg_current_xact_id();
  "id" pg_catalog.json;
begin
  insert into "rserv"."log_%1$s" (xid, k1)
  select rserv.transaction,
    case when rserv.is_of_type(case when false then (select f.key from (select null::pg_catalog.json as "id") n,
      lateral (select "id" as key from (select r.*) s) f) end, case when false then (null::"rserv"."log_%1$s").k1 end)
    then rserv.as_type("id", (null::"rserv"."log_%1$s").k1) else (null::"rserv"."log_%1$s").k1 end
  from %3$s r
  where case when rserv.is_of_type(case when false then (select f.key from (select null::pg_catalog.json as "id") n,
      lateral (select "id" as key from (select r.*) s) f) end, case when false then (null::"rserv"."log_%1$s").k1 end)
    then true else (select rserv.unknown_key(%1$s)) end;
  return null;
end
$capture$`

/** The log and its capture as version 13 of the schema has them. */
const FORMER = `do $$
declare log text; source text; id integer; part text[]; begin
  foreach id in array array[1, 2] loop
    foreach part slice 1 in array array[['new', 'new_rows'], ['update', 'new_rows'], ['old', 'old_rows'], ['key', '(select old.*)']] loop
      execute format($former$${FORMER_CAPTURE}
$former$, id, part[1], part[2]);
    end loop;
  end loop;
  drop function rserv.unknown_key_once(integer);
  drop function rserv.summarize_log(integer);
  foreach log in array array['rserv.log_1', 'rserv.log_1_1', 'rserv.log_2', 'rserv.log_2_1'] loop execute format('drop index %s_xid_idx', log); end loop;
  alter table rserv.log_1 alter xid type xid8 using xid::text::xid8;
  alter table rserv.log_2 alter xid type xid8 using xid::text::xid8;
  alter table rserv.truncate_log alter xid type xid8 using xid::text::xid8;
  foreach log in array array['rserv.log_1', 'rserv.log_1_1', 'rserv.log_2', 'rserv.log_2_1'] loop execute format('create index on %s (xid)', log); end loop;
  for source in select pg_get_functiondef(oid) from pg_proc where pronamespace = 'rserv'::regnamespace and prosrc like '%txid_current()%' loop
    execute replace(replace(source, 'pg_catalog.txid_current()', 'pg_catalog.pg_current_xact_id()'), 'pg_catalog.int8', 'pg_catalog.xid8');
  end loop;
  update rserv.node set schema_version = 13;
end $$`

test('logs of version 13 of the schema are rewritten while the application writes, and nothing in them is lost', async () => {
  await using pair = await replicatedPair(`${DDL}; create table u (id int primary key)`)
  const { master } = pair
  await master.query(FORMER)
  await master.query(`insert into t select i, 'former' from generate_series(1, 1000) i`)
  const [type] = await master.query<{ type: string }>(`select pg_typeof(xid)::text as type from rserv.log_1 limit 1`)
  expect(type?.type).toBe('xid8')
  const writers = await Promise.all([1, 2, 3].map(() => master.connect()))
  const writing = new AbortController()
  const written = writers.map(async (writer, index) => {
    for (let n = 0; !writing.signal.aborted || n < 20; n++) {
      await writer.query('begin')
      await writer.query(`update t set v = 'by ${index}, ${n}' where id = ${index * 100 + (n % 50) + 1}`)
      await writer.query(`insert into t values (${index * 100_000 + 10_000 + n}, 'new')`)
      await writer.query('commit')
    }
  })
  expect(await masterInit(master.config, { backends })).toMatchObject({ previousVersion: 13 })
  writing.abort()
  await Promise.all(written)
  await Promise.all(writers.map((writer) => writer.end()))
  await pair.syncAndCompare('t', 'u')
  await master.query(`update t set v = 'after'; delete from t where id = 5; truncate u`)
  await pair.syncAndCompare('t', 'u')
  const indexes = await master.query(
    `select indexdef from pg_indexes where schemaname = 'rserv' and tablename like 'log\\_%' order by 1`,
  )
  expect(indexes.map(({ indexdef }) => String(indexdef).replace(/.* USING /, ''))).toEqual(
    Array.from({ length: 4 }, () => `brin (xid) WITH (pages_per_range='8')`),
  )
})

test('an upgrade that cannot have the logs says so and changes nothing', async () => {
  await using pair = await replicatedPair(`${DDL}; create table u (id int primary key)`)
  const { master } = pair
  await master.query(FORMER)
  const open = await master.connect()
  await open.query(`begin; insert into t values (1, 'open')`)
  await expect(masterInit(master.config, { backends })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' })
  await open.query('commit')
  expect(await masterInit(master.config, { backends })).toMatchObject({ previousVersion: 13 })
  await pair.syncAndCompare('t', 'u')
}, 60_000)
