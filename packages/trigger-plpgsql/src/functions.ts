import type { CaptureTable } from '@rserv/core'
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
  values (pg_catalog.pg_current_xact_id(), ${table.tableId});
  return null;
end`
}

/**
 * Each key column is named without its row, and declared as a variable too. While the column is there it is the one that
 * is meant; once it was renamed or dropped the name means the variable, which is NULL: the application's write succeeds
 * and the log tells that a key is unknown (case 81). It costs nothing. That the transaction id is a variable matters as
 * well: PL/pgSQL provides no variable that appears first when a plan is made anew, unless there was one before.
 */
function keysBody(table: CaptureTable, part: Part): string {
  const columns = table.keyColumns.map((key) => quoteIdent(key.column)).join(', ')
  const logColumns = table.keyColumns.map((key) => key.logColumn).join(', ')
  const xid = freeName(table)
  return `#variable_conflict use_column
<<rserv>>
declare
  ${[`${xid} constant pg_catalog.xid8 := pg_catalog.pg_current_xact_id();`, ...fallbacks(table)].join('\n  ')}
begin
  insert into ${quoteName(table.log)} (xid, ${logColumns})
  select rserv.${xid}, ${columns} from ${source(table, part)};
  return null;
end`
}

function source(table: CaptureTable, part: Part): string {
  const version = part === 'new' ? 'new' : 'old'
  const oneRow = part === 'key' || table.granularity === 'row'
  return `${oneRow ? `(select ${version}.*)` : `${version}_rows`} r`
}

function fallbacks(table: CaptureTable): string[] {
  // A variable of these names would hide the row itself.
  const possible = table.keyColumns.filter(({ column }) => !['new', 'old'].includes(column))
  return possible.map(({ column, type }) => `${quoteIdent(column)} ${type};`)
}

/** A name for our variable that no key column has. */
function freeName(table: CaptureTable): string {
  let name = 'transaction'
  while (table.keyColumns.some(({ column }) => column === name)) name += '_'
  return name
}
