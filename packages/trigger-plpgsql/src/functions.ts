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
  const body = `begin\n  ${insertStatement(table, part)};\n  return null;\nend`
  return [
    `create or replace function ${name}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${quoteBody(body)}`,
    `revoke all on function ${name}() from public`,
  ]
}

function insertStatement(table: CaptureTable, part: Part): string {
  if (part === 'truncate') {
    return `insert into ${quoteName(table.truncateLog)} (xid, table_id)
  values (pg_catalog.pg_current_xact_id(), ${table.tableId})`
  }
  const target = `insert into ${quoteName(table.log)} (xid, ${table.keyColumns.map((key) => key.logColumn).join(', ')})`
  const keys = (row: string): string => table.keyColumns.map((key) => `${row}.${quoteIdent(key.column)}`).join(', ')
  const xid = 'pg_catalog.pg_current_xact_id()'
  if (part === 'key' || table.granularity === 'row') {
    return `${target}\n  values (${xid}, ${keys(part === 'new' ? 'new' : 'old')})`
  }
  return `${target}\n  select ${xid}, ${keys('r')} from ${part}_rows r`
}
