import type { CaptureTable, KeyColumn, QualifiedName } from '@rserv/core'
import { quoteIdent, quoteName } from '@rserv/core'
import type { Part } from './names.ts'
import { functionName, triggerName } from './names.ts'

interface Trigger {
  readonly name: string
  readonly event: string
  readonly body: string
  readonly on: QualifiedName
}

export function createTriggers(table: CaptureTable): string[] {
  return triggers(table).map(
    ({ name, event, body, on }) => `create trigger ${quoteIdent(name)} after ${event} on ${quoteName(on)}\n  ${body}`,
  )
}

export function dropTriggers(table: CaptureTable): string[] {
  return triggers(table).map(({ name, on }) => `drop trigger if exists ${quoteIdent(name)} on ${quoteName(on)}`)
}

function triggers(table: CaptureTable): Trigger[] {
  return [
    ...(table.granularity === 'statement' ? statementTriggers(table) : rowTriggers(table)),
    ...keyAndTruncate(table),
  ]
}

function statementTriggers(table: CaptureTable): Trigger[] {
  const on = table.table
  const call = (version: 'new' | 'old', part: Part): string =>
    `referencing ${version} table as ${version}_rows for each statement execute function ${quoteName(functionName(table, part))}()`
  return [
    { name: triggerName(table, 'insert'), event: 'insert', body: call('new', 'new'), on },
    { name: triggerName(table, 'update'), event: 'update', body: call('new', 'update'), on },
    { name: triggerName(table, 'delete'), event: 'delete', body: call('old', 'old'), on },
  ]
}

function rowTriggers(table: CaptureTable): Trigger[] {
  const on = table.table
  const call = (part: 'new' | 'old'): string =>
    `for each row execute function ${quoteName(functionName(table, part))}()`
  return [
    { name: triggerName(table, 'write'), event: 'insert or update', body: call('new'), on },
    { name: triggerName(table, 'delete'), event: 'delete', body: call('old'), on },
  ]
}

/**
 * The key trigger's WHEN keeps it from being queued at all while keys stay as they are. The server plans a WHEN anew for
 * every statement, but only where the statement names a column of the trigger's.
 */
function keyAndTruncate(table: CaptureTable): Trigger[] {
  const changed = table.keyColumns.map(differs).join(' or ')
  const key = `for each row when (${changed}) execute function ${quoteName(functionName(table, 'key'))}()`
  const truncate = `for each statement execute function ${quoteName(functionName(table, 'truncate'))}()`
  return [
    { name: triggerName(table, 'key'), event: keyEvent(table), body: key, on: table.table },
    ...[table.table, ...table.partitions].map((on) => ({
      name: triggerName(table, 'truncate'),
      event: 'truncate',
      body: truncate,
      on,
    })),
  ]
}

function keyEvent({ keyUpdates, keyColumns }: CaptureTable): string {
  return keyUpdates === 'any' ? 'update' : `update of ${keyColumns.map(({ column }) => quoteIdent(column)).join(', ')}`
}

/** The index's own operator, so that no search_path decides what equal means. Keys are never null. */
function differs({ column, equality }: KeyColumn): string {
  const operator = `operator(${quoteIdent(equality.schema)}.${equality.name})`
  return `not (old.${quoteIdent(column)} ${operator} new.${quoteIdent(column)})`
}
