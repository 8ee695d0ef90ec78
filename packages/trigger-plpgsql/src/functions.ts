import type { CaptureTable, KeyColumn } from '@rserv/core'
import { quoteBody, quoteIdent, quoteName } from '@rserv/core'
import type { Part } from './names.ts'
import { functionName, PARTS } from './names.ts'

/** Statements that create or replace the functions of a table's capture. */
export function createFunctions(table: CaptureTable): string[] {
  return PARTS.flatMap((part) => createFunction(table, part))
}

export function dropFunctions(table: CaptureTable): string[] {
  return PARTS.map((part) => `drop function if exists ${quoteName(functionName(table, part))}()`)
}

/**
 * SECURITY DEFINER: writers need no right on the log. Every name is qualified and pg_temp comes last, so nothing that
 * a user makes can take the log rows (case 70).
 */
function createFunction(table: CaptureTable, part: Part): string[] {
  const name = quoteName(functionName(table, part))
  const body = part === 'truncate' ? truncateBody(table) : keysBody(table, part)
  return [
    `create or replace function ${name}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${quoteBody(body)}`,
    `revoke all on function ${name}() from public`,
  ]
}

function truncateBody(table: CaptureTable): string {
  return `begin
  insert into ${quoteName(table.truncateLog)} (xid, table_id)
  values (pg_catalog.txid_current(), ${table.tableId});
  return null;
end`
}

/**
 * Each key column is named without its row, where a column of the same name is further outside: while the row has the column
 * it is the one that is meant; once it was renamed or dropped the name means the other, which is NULL: the application's
 * write succeeds and the log tells that a key is unknown (case 81).
 *
 * A column that has another type than the log's is not read either: its owner may have made a cast between the two,
 * which would run with our rights (case 70), when the statement is planned even. `is_of_type` is asked before that, with
 * constants, so the planner leaves nothing of it where all is well.
 *
 * The server walks through all expressions of a statement that has a subquery in one, each time that it runs, and through
 * none of one that has them in its FROM only.
 */
function keysBody(table: CaptureTable, part: Part): string {
  const [row, outside, inside, found, good] = ['r', 'n', 's', 'f', 'g'].map((name) => freeName(table, name))
  const keys = table.keyColumns.map((key, index) => ({
    log: key.logColumn,
    column: quoteIdent(key.column),
    key: `${found}.key${index}`,
    good: `${good}.good${index}`,
    nothing: nothing(table, key),
  }))
  const list = (item: (key: (typeof keys)[number], index: number) => string): string => keys.map(item).join(',\n      ')
  const allGood = [...keys.map((key) => key.good), ...keysAreNamed(table, part)].join(' and ')
  return `#variable_conflict use_column
begin
  insert into ${quoteName(table.log)} (xid, ${keys.map(({ log }) => log).join(', ')})
  select pg_catalog.txid_current(),
      ${list((key) => `case when ${key.good} then rserv.as_type(${key.key}, ${key.nothing}) else ${key.nothing} end`)}
  from ${source(table, part)} ${row},
    (select ${list(({ column }) => `null::pg_catalog.json as ${column}`)}) ${outside},
    lateral (select ${list(({ column }, index) => `${column} as key${index}`)} from (select ${row}.*) ${inside}) ${found},
    lateral (select ${list(({ key, nothing: none }, index) => `rserv.is_of_type(case when false then ${key} end, case when false then ${none} end) as good${index}`)}) ${good}
  where case when ${allGood} then true else rserv.unknown_key_once(${table.tableId}) end;
  return null;
end`
}

/**
 * A former key that no UPDATE names is told by no trigger, once the table has a BEFORE trigger (case 64). Like a type it is
 * asked when the statement is planned, which a new trigger makes it be again.
 */
function keysAreNamed({ tableId }: CaptureTable, part: Part): string[] {
  return part === 'update' ? [`rserv.keys_are_named(${tableId})`] : []
}

function source(table: CaptureTable, part: Part): string {
  const version = part === 'new' || part === 'update' ? 'new' : 'old'
  const oneRow = part === 'key' || table.granularity === 'row'
  return oneRow ? `(select ${version}.*)` : `${version}_rows`
}

/** NULL of the log column's type: the log follows a type that is renamed. */
function nothing(table: CaptureTable, { logColumn }: KeyColumn): string {
  return `(null::${quoteName(table.log)}).${logColumn}`
}

/** A name for something of ours that no key column has. */
function freeName(table: CaptureTable, wish: string): string {
  let name = wish
  while (table.keyColumns.some(({ column }) => column === name)) name += '_'
  return name
}
