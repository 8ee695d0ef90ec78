import { resync } from '@rserv/core'
import { expect, test } from 'vitest'
import type { Pair } from './support/pair.ts'
import { backends, replicatedPair } from './support/pair.ts'
import { startReplicator } from './support/replicator.ts'
import { settle } from './support/settle.ts'

const T = 'create table t (id int primary key, v text)'

/** Something broken on purpose, from outside: the program has no switch for it. */
interface Fault {
  readonly what: string
  /** Before the workload. */
  readonly onMaster?: string
  readonly onSlave?: string
  /** After each transfer. */
  readonly afterSync?: { readonly master: string; readonly slave: string }
}

const dropKeys = (condition: string): string => `create sequence rserv.seen;
  create function rserv.drop_keys() returns trigger language plpgsql as $$ begin
    if ${condition} then return null; end if; return new; end $$;
  create trigger drop_keys before insert on rserv.log_1 for each row execute function rserv.drop_keys()`

/** Replaces the body of the trigger function that writes such rows. */
const hollow = (like: string): string => `do $$ declare f regprocedure; begin
  select p.oid::regprocedure into strict f from pg_trigger t join pg_proc p on p.oid = t.tgfoid
    where t.tgrelid = 't'::regclass and t.tgname like '${like}';
  execute format('create or replace function %s returns trigger language plpgsql as ''begin return null; end''', f); end $$`

const FAULTS: readonly Fault[] = [
  { what: 'a capture that drops every 100th key', onMaster: dropKeys(`nextval('rserv.seen') % 100 = 0`) },
  {
    what: 'a capture that drops keys of deleted rows',
    onMaster: dropKeys('not exists (select from public.t where id = new.k1)'),
  },
  { what: 'a capture that drops keys of rows that are new', onMaster: dropKeys('new.k1 > 1000') },
  { what: 'a capture of updates without the former key', onMaster: hollow('%key%') },
  {
    what: 'a capture that misses TRUNCATE',
    onMaster: `create function rserv.no() returns trigger language plpgsql as 'begin return null; end';
      create trigger no before insert on rserv.truncate_log for each row execute function rserv.no()`,
  },
  {
    what: 'a transfer that ignores the running transactions of a position',
    afterSync: {
      master: `update rserv.sync set position = (split_part(position::text, ':', 2) || ':' || split_part(position::text, ':', 2) || ':')::pg_snapshot;
        update rserv.server set position = (split_part(position::text, ':', 2) || ':' || split_part(position::text, ':', 2) || ':')::pg_snapshot`,
      slave: `update rserv.slave_sync set position = (split_part(position::text, ':', 2) || ':' || split_part(position::text, ':', 2) || ':')::pg_snapshot`,
    },
  },
  {
    what: 'an apply that leaves rows of gone keys',
    onSlave: `create function keep() returns trigger language plpgsql as
        $$ begin if old.v = 'doomed' then return null; end if; return old; end $$;
      create trigger keep before delete on t for each row execute function keep(); alter table t enable always trigger keep`,
  },
  {
    what: 'an apply that changes values',
    onSlave: `create function other() returns trigger language plpgsql as $$ begin new.v := upper(new.v); return new; end $$;
      create trigger other before insert on t for each row execute function other(); alter table t enable always trigger other`,
  },
]

/** What the suite's scripts do, in short: each step is transferred and compared. */
async function workload(pair: Pair, afterSync: Fault['afterSync']): Promise<void> {
  const { master, slave } = pair
  const step = async (sql: string): Promise<void> => {
    await master.query(sql)
    await pair.syncAndCompare('t')
    if (!afterSync) return
    await master.query(afterSync.master)
    await slave.query(afterSync.slave)
  }
  const slow = await master.connect()
  await step(`insert into t select i, 'v' || i from generate_series(1, 300) i`)
  await slow.query(`begin; update t set v = 'slow' where id <= 5; insert into t values (400, 'slow')`)
  await step(`update t set v = 'changed' where id between 10 and 250`)
  await slow.query('commit')
  await step(`update t set v = 'doomed' where id between 260 and 270`)
  await step('delete from t where id between 260 and 270')
  await step(`update t set id = id + 5000 where id between 20 and 30; insert into t values (2000, 'new')`)
  await step(`truncate t; insert into t values (1, 'after')`)
}

test('the workload passes as things are', async () => {
  await using pair = await replicatedPair(T)
  await workload(pair, undefined)
})

test.each(FAULTS)('seeded fault, caught: $what', async ({ onMaster, onSlave, afterSync }) => {
  await using pair = await replicatedPair(T)
  if (onMaster) await pair.master.query(onMaster)
  if (onSlave) await pair.slave.query(onSlave)
  await expect(workload(pair, afterSync)).rejects.toThrow('table t')
})

test('seeded fault, caught: a table copied apart that is joined from too late a position', async () => {
  await using pair = await replicatedPair(T)
  const { master, slave } = pair
  await master.query(`insert into t select i, 'v' || i from generate_series(1, 300) i`)
  await resync(master.config, slave.config, { tables: ['t'], backends })
  const sides = { master: master.config, slave: slave.config }
  const copying = startReplicator(sides, { killAt: 'copy.committed', options: { withinBytes: 0 } })
  expect(await copying.ended).toMatchObject({ signal: 'SIGKILL' })
  await master.query(`update t set v = 'later' where id = 7`)
  const [now] = await master.query<{ p: string }>('select pg_current_snapshot()::text as p')
  await master.query(`update rserv.copy set position = '${now?.p}'`)
  await slave.query(`update rserv.slave_table set copied_position = '${now?.p}'`)
  await settle(() => pair.sync())
  await expect(pair.expectEqual('t')).rejects.toThrow('table t')
})
