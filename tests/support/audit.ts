import type { TestDatabase } from '@rserv/test-utils'
import { expect } from 'vitest'

/**
 * A second, independent record of what the master's tables held: every row that came (+1) or went (-1), written in
 * the transaction that did it, so that it vanishes with what is rolled back. Summed over the transactions that a
 * snapshot sees it is the table as of that snapshot.
 */
const AUDIT = `create schema audit;
create table audit.change (xid xid8 not null default pg_current_xact_id(), tbl text not null, line text not null, n int not null);
create function audit.row_changed() returns trigger language plpgsql security definer set timezone = 'UTC' as $$ begin
  if tg_op <> 'INSERT' then
    insert into audit.change (tbl, line, n) values (tg_argv[0], jsonb_strip_nulls(to_jsonb(old))::text, -1);
  end if;
  if tg_op <> 'DELETE' then
    insert into audit.change (tbl, line, n) values (tg_argv[0], jsonb_strip_nulls(to_jsonb(new))::text, 1);
  end if;
  return null;
end $$;
create function audit.truncated() returns trigger language plpgsql security definer set timezone = 'UTC' as $$ begin
  execute format('insert into audit.change (tbl, line, n) select %L, jsonb_strip_nulls(to_jsonb(t))::text, -1 from only %s t',
    tg_argv[0], tg_relid::regclass);
  return null;
end $$`

/** Begins to record what happens to the tables, which must be empty. */
export async function installAudit(master: TestDatabase, tables: readonly string[]): Promise<void> {
  await master.query(`do $do$ begin if to_regnamespace('audit') is null then ${AUDIT}; end if; end $do$`)
  for (const table of tables) {
    await master.query(
      `create trigger zz_audit after insert or update or delete on ${table} for each row execute function audit.row_changed('${table}')`,
    )
    await auditTruncate(master, table)
  }
}

/** TRUNCATE of a partitioned table fires the triggers of its partitions, so these have one each. */
async function auditTruncate(master: TestDatabase, table: string): Promise<void> {
  const leaves = await master.query<{ leaf: string }>(
    `select relid::regclass::text as leaf from pg_partition_tree('${table}'::regclass) where isleaf
      union select '${table}' where not exists (select from pg_partitioned_table where partrelid = '${table}'::regclass)`,
  )
  for (const { leaf } of leaves) await master.query(auditLeaf(leaf, table))
}

/** The trigger for a partition that comes later. */
export function auditLeaf(leaf: string, table: string): string {
  return `create or replace trigger zz_audit_truncate before truncate on ${leaf} for each statement execute function audit.truncated('${table}')`
}

interface Comparison {
  /** Distinct rows compared. */
  readonly rows: number
  /** `table: count × row`, with the sign of what the slave has too many (+) or too few (-). */
  readonly differences: string[]
}

/**
 * Compares the slave with the master as it was at the slave's own position, but for tables that were copied apart and not
 * joined yet.
 * @param tables also but for those that wait to be copied, where `unfilled` says so: others move on meanwhile
 */
export async function compareAsOf(
  master: TestDatabase,
  slave: TestDatabase,
  tables: readonly string[],
  { unfilled = false } = {},
): Promise<Comparison> {
  const { position, held, states } = await readSlave(slave, tables)
  let rows = 0
  const differences: string[] = []
  const excepted = unfilled ? ['copied', 'new'] : ['copied']
  const compared = tables.filter((table) => !excepted.includes(states.get(qualified(table)) ?? ''))
  for (const table of compared) {
    const expected = await master.query<{ line: string; n: number }>(
      `select line, sum(n)::int as n from audit.change where tbl = $1 and pg_visible_in_snapshot(xid, $2::text::pg_snapshot)
        group by line having sum(n) <> 0`,
      [table, position],
    )
    const balance = new Map(held.get(table)?.map(({ line, n }) => [line, n]))
    rows += balance.size
    for (const { line, n } of expected) balance.set(line, (balance.get(line) ?? 0) - n)
    for (const [line, n] of balance) if (n !== 0) differences.push(`${table}: ${n > 0 ? '+' : ''}${n} × ${line}`)
  }
  return { rows, differences }
}

function qualified(table: string): string {
  return table.includes('.') ? table : `public.${table}`
}

interface Held {
  readonly position: string
  readonly held: Map<string, { line: string; n: number }[]>
  /** By schema and name. */
  readonly states: Map<string, string>
}

/** Position and rows in one snapshot of the slave. */
async function readSlave(slave: TestDatabase, tables: readonly string[]): Promise<Held> {
  const client = await slave.connect()
  try {
    await client.query(`begin isolation level repeatable read; set local timezone = 'UTC'`)
    const sync = await client.query<{ position: string }>('select position::text as position from rserv.slave_sync')
    const known = await client.query<{ name: string; state: string }>(
      `select schema_name || '.' || table_name as name, state from rserv.slave_table`,
    )
    const held = new Map<string, { line: string; n: number }[]>()
    for (const table of tables) {
      const { rows } = await client.query<{ line: string; n: number }>(
        `select jsonb_strip_nulls(to_jsonb(t))::text as line, count(*)::int as n from ${table} t group by 1`,
      )
      held.set(table, rows)
    }
    // A slave that has applied nothing yet is as of a moment that nothing had happened before.
    return {
      position: sync.rows[0]?.position ?? '1:1:',
      held,
      states: new Map(known.rows.map(({ name, state }) => [name, state])),
    }
  } finally {
    await client.end()
  }
}

/** Expects the slave to be exactly the master as of its position. @returns rows compared */
export async function expectAsOf(
  master: TestDatabase,
  slave: TestDatabase,
  tables: readonly string[],
): Promise<number> {
  const { rows, differences } = await compareAsOf(master, slave, tables)
  expect(differences).toEqual([])
  return rows
}
