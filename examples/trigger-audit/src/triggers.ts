import type { CaptureTable, KeyColumn, QualifiedName } from '@rserv/core'
import { quoteIdent, quoteName } from '@rserv/core'
import type { Part } from './functions.js'
import { functionName } from './functions.js'

interface Trigger {
  readonly name: string
  /** `after delete` and so on, up to the function. */
  readonly event: string
  readonly on: QualifiedName
  readonly scope: string
  readonly part: Part
}

export function createTriggers(table: CaptureTable): string[] {
  return triggers(table).map(
    ({ name, event, on, scope, part }) => `create trigger ${quoteIdent(name)} ${event} on ${quoteName(on)}
  ${scope} execute function ${quoteName(functionName(table, part))}()`,
  )
}

export function dropTriggers(table: CaptureTable): string[] {
  return triggers(table).map(({ name, on }) => `drop trigger if exists ${quoteIdent(name)} on ${quoteName(on)}`)
}

function triggers(table: CaptureTable): Trigger[] {
  const row = { on: table.table, scope: 'for each row' }
  const name = (event: string): string => `rserv_audit_${table.tableId}_${event}`
  // An UPDATE that changes the key leaves a row behind on the slave unless the former key is logged too.
  const keyChanged = `for each row when (${table.keyColumns.map(differs).join(' or ')})`
  return [
    { ...row, name: name('write'), event: 'after insert or update', part: 'new' },
    { ...row, name: name('delete'), event: 'after delete', part: 'old' },
    { ...row, name: name('key'), event: 'after update', scope: keyChanged, part: 'old' },
    // A TRUNCATE of a partition fires the triggers of the partition only.
    ...[table.table, ...table.partitions].map((on): Trigger => ({
      name: name('truncate'),
      event: 'after truncate',
      on,
      scope: 'for each statement',
      part: 'truncate',
    })),
  ]
}

/** By the operator of the key's own index, whatever the search_path. Keys are never null. */
function differs({ column, equality }: KeyColumn): string {
  const operator = `operator(${quoteIdent(equality.schema)}.${equality.name})`
  return `not (old.${quoteIdent(column)} ${operator} new.${quoteIdent(column)})`
}
