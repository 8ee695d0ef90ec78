import type { CaptureTable, QualifiedName } from '@rserv/core'
import { displayName, quoteBody, quoteIdent, quoteLiteral, quoteName } from '@rserv/core'

/** What a function of the capture logs: the new key, the old key, or that the table was truncated. */
export type Part = 'new' | 'old' | 'truncate'

const PARTS: readonly Part[] = ['new', 'old', 'truncate']
const XID = 'pg_catalog.txid_current()'

export function functionName(table: CaptureTable, part: Part): QualifiedName {
  return { schema: 'rserv', name: `audit_${table.tableId}_${part}` }
}

/** The lines outlive the capture: they are in a schema of their own, which remove leaves alone. */
const AUDIT = [
  'create schema if not exists rserv_audit',
  `create table if not exists rserv_audit.line (
  at timestamptz not null, who text not null, what text not null, table_name text not null, key text[] not null)`,
]

/** Run again whenever the log is cleaned, with the other log table: it must not lock the captured table. */
export function createFunctions(table: CaptureTable): string[] {
  return [...AUDIT, ...PARTS.flatMap((part) => createFunction(table, part))]
}

export function dropFunctions(table: CaptureTable): string[] {
  return PARTS.map((part) => `drop function if exists ${quoteName(functionName(table, part))}()`)
}

/** SECURITY DEFINER, all names qualified, pg_temp last: writers need no rights and can put nothing in between. */
function createFunction(table: CaptureTable, part: Part): string[] {
  const name = quoteName(functionName(table, part))
  const body = `begin
  ${part === 'truncate' ? logTruncate(table) : logKey(table, part)};
  insert into rserv_audit.line
  values (pg_catalog.clock_timestamp(), session_user, tg_op, ${quoteLiteral(displayName(table.table))}, ${keyText(table, part)});
  return null;
end`
  return [
    `create or replace function ${name}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${quoteBody(body)}`,
    `revoke all on function ${name}() from public`,
  ]
}

function logKey(table: CaptureTable, row: 'new' | 'old'): string {
  const columns = table.keyColumns.map(({ logColumn }) => logColumn).join(', ')
  const values = table.keyColumns.map(({ column }) => `${row}.${quoteIdent(column)}`).join(', ')
  return `insert into ${quoteName(table.log)} (xid, ${columns}) values (${XID}, ${values})`
}

function logTruncate(table: CaptureTable): string {
  return `insert into ${quoteName(table.truncateLog)} (xid, table_id) values (${XID}, ${table.tableId})`
}

function keyText(table: CaptureTable, part: Part): string {
  const values = part === 'truncate' ? [] : table.keyColumns.map(({ column }) => `${part}.${quoteIdent(column)}`)
  return `array[${values.map((value) => `pg_catalog.format('%s', ${value})`).join(', ')}]::text[]`
}
