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
 * Each key column is named without its row, and declared as a variable too. While the column is there it is the one that
 * is meant; once it was renamed or dropped the name means the variable, which is NULL: the application's write succeeds
 * and the log tells that a key is unknown (case 81). That the transaction id is a variable matters as well: PL/pgSQL
 * provides no variable that appears first when a plan is made anew, unless there was one before.
 *
 * A column that has another type than the log's is not read either: its owner may have made a cast between the two,
 * which would run with our rights (case 70), when the statement is planned even. `is_of_type` is asked before that, with
 * constants, so the planner leaves nothing of it where all is well: it costs nothing.
 */
function keysBody(table: CaptureTable, part: Part): string {
  const [row, xid] = [freeName(table, 'r'), freeName(table, 'transaction')]
  const logColumns = table.keyColumns.map((key) => key.logColumn).join(', ')
  const asMeant = table.keyColumns.map((key) => isAsMeant(table, key))
  const keys = table.keyColumns.map(
    (key, index) =>
      `case when ${asMeant[index]}\n    then rserv.as_type(${quoteIdent(key.column)}, ${nothing(table, key)}) else ${nothing(table, key)} end`,
  )
  return `#variable_conflict use_column
<<rserv>>
declare
  ${[`${xid} constant pg_catalog.int8 := pg_catalog.txid_current();`, ...fallbacks(table)].join('\n  ')}
begin
  insert into ${quoteName(table.log)} (xid, ${logColumns})
  select rserv.${xid},
    ${keys.join(',\n    ')}
  from ${source(table, part)} ${row}
  where case when ${[...asMeant, ...keysAreNamed(table, part)].join('\n    and ')}
    then true else (select rserv.unknown_key(${table.tableId})) end;
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

/** Has the row a column of that name and type? Where it has none the name means one of type json, which no key is. */
function isAsMeant(table: CaptureTable, key: KeyColumn): string {
  const column = quoteIdent(key.column)
  const [row, none, same, found] = ['r', 'n', 's', 'f'].map((name) => freeName(table, name))
  return `rserv.is_of_type(case when false then (select ${found}.key from (select null::pg_catalog.json as ${column}) ${none},
      lateral (select ${column} as key from (select ${row}.*) ${same}) ${found}) end, case when false then ${nothing(table, key)} end)`
}

/** NULL of the log column's type: the log follows a type that is renamed. */
function nothing(table: CaptureTable, { logColumn }: KeyColumn): string {
  return `(null::${quoteName(table.log)}).${logColumn}`
}

/** Of a type that no key has, and not the log column's: before PostgreSQL 17 a lost log would be told as bad syntax. */
function fallbacks(table: CaptureTable): string[] {
  // A variable of these names would hide the row itself.
  const possible = table.keyColumns.filter(({ column }) => !['new', 'old'].includes(column))
  return possible.map(({ column }) => `${quoteIdent(column)} pg_catalog.json;`)
}

/** A name for something of ours that no key column has. */
function freeName(table: CaptureTable, wish: string): string {
  let name = wish
  while (table.keyColumns.some(({ column }) => column === name)) name += '_'
  return name
}
