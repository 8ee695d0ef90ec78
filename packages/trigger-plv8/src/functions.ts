import type { CaptureTable } from '@rserv/core'
import { quoteBody, quoteIdent, quoteName } from '@rserv/core'
import type { BodyTable } from './body.ts'
import {
  collectNew,
  collectOld,
  flush,
  rservKey,
  rservPush,
  rservState,
  rservText,
  rservWrite,
  start,
  truncate,
  writeNew,
  writeOld,
} from './body.ts'
import type { Part } from './names.ts'
import { functionName, parts } from './names.ts'

const WRITE = [rservState, rservText, rservKey, rservWrite]

/** The part's function of body.ts, behind those that it calls, directly or not. */
const SOURCES: Record<Part, readonly ((...parameters: never[]) => unknown)[]> = {
  start: [rservState, start],
  collectNew: [...WRITE, rservPush, collectNew],
  collectOld: [...WRITE, rservPush, collectOld],
  flush: [...WRITE, flush],
  writeNew: [...WRITE, writeNew],
  writeOld: [...WRITE, writeOld],
  truncate: [truncate],
}

/** Statements that create or replace the functions of a table's capture. */
export function createFunctions(table: CaptureTable): string[] {
  return parts(table).flatMap((part) => createFunction(table, part))
}

export function dropFunctions(table: CaptureTable): string[] {
  return parts(table).map((part) => `drop function if exists ${quoteName(functionName(table, part))}()`)
}

/** SECURITY DEFINER, every name qualified, pg_temp last: as trigger-plpgsql's, and for the same reasons (case 70). */
function createFunction(table: CaptureTable, part: Part): string[] {
  const name = quoteName(functionName(table, part))
  const body = `${bodyText(part)}\n${part}(${JSON.stringify(bodyTable(table), null, 2)})`
  return [
    `create or replace function ${name}() returns trigger
language plv8 security definer set search_path = pg_catalog, pg_temp as ${quoteBody(body)}`,
    `revoke all on function ${name}() from public`,
  ]
}

function bodyText(part: Part): string {
  return SOURCES[part].map(String).join('\n')
}

/** Texts become keys by the types' input functions: a cast could be one that the type's owner made (case 70). */
function bodyTable(table: CaptureTable): BodyTable {
  const columns = table.keyColumns.map(({ logColumn }) => logColumn).join(', ')
  const log = quoteName(table.log)
  return {
    id: table.tableId,
    columns: table.keyColumns.map(({ column, logColumn, type }) => ({
      name: column,
      log: logColumn,
      oid: type === 'oid',
    })),
    insert: `insert into ${log} (xid, ${columns}) select pg_catalog.txid_current(), ${columns}
      from pg_catalog.json_populate_recordset(null::${log}, $1::pg_catalog.json)`,
    whole: `insert into ${quoteName(table.truncateLog)} (xid, ${quoteIdent('table_id')})
      values (pg_catalog.txid_current(), ${table.tableId})`,
  }
}
