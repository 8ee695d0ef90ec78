import type { CaptureTable, KeyColumn, QualifiedName } from '@rserv/core'
import { quoteIdent, quoteName } from '@rserv/core'
import type { Part } from './names.ts'
import { functionName, triggerName } from './names.ts'

interface Trigger {
  readonly name: string
  /** `after insert or update` */
  readonly event: string
  readonly on: QualifiedName
  readonly level: 'row' | 'statement'
  readonly when?: string
  readonly part: Part
}

export function createTriggers(table: CaptureTable): string[] {
  return triggers(table).map(({ name, event, on, level, when, part }) => {
    const condition = when ? ` when (${when})` : ''
    return `create trigger ${quoteIdent(name)} ${event} on ${quoteName(on)}
  for each ${level}${condition} execute function ${quoteName(functionName(table, part))}()`
  })
}

export function dropTriggers(table: CaptureTable): string[] {
  return triggers(table).map(({ name, on }) => `drop trigger if exists ${quoteIdent(name)} on ${quoteName(on)}`)
}

function triggers(table: CaptureTable): Trigger[] {
  return [
    ...(table.granularity === 'statement' ? bufferedTriggers(table) : []),
    ...rowTriggers(table),
    ...truncateTriggers(table),
  ]
}

/** Conditions on where a statement runs: outside of other triggers, or in one. */
const OUTSIDE = 'pg_catalog.pg_trigger_depth() = 0'
const INSIDE = 'pg_catalog.pg_trigger_depth() > 0'

function bufferedTriggers(table: CaptureTable): Trigger[] {
  const on = table.table
  const row = { on, level: 'row' } as const
  const statement = { on, level: 'statement', when: OUTSIDE } as const
  return [
    { ...statement, name: triggerName(table, 'start'), event: 'before insert or update or delete', part: 'start' },
    { ...row, name: triggerName(table, 'new'), event: 'after insert or update', when: OUTSIDE, part: 'collectNew' },
    { ...row, name: triggerName(table, 'old'), event: 'after delete', when: OUTSIDE, part: 'collectOld' },
    {
      ...row,
      name: triggerName(table, 'key'),
      event: 'after update',
      when: `${OUTSIDE} and (${keyChanged(table)})`,
      part: 'collectOld',
    },
    { ...statement, name: triggerName(table, 'flush'), event: 'after insert or update or delete', part: 'flush' },
  ]
}

/** Where nothing is buffered, and for statements inside of other triggers. */
function rowTriggers(table: CaptureTable): Trigger[] {
  const buffered = table.granularity === 'statement'
  const row = { on: table.table, level: 'row', ...(buffered ? { when: INSIDE } : {}) } as const
  const changed = keyChanged(table)
  return [
    { ...row, name: triggerName(table, 'new_now'), event: 'after insert or update', part: 'writeNew' },
    { ...row, name: triggerName(table, 'old_now'), event: 'after delete', part: 'writeOld' },
    {
      ...row,
      name: triggerName(table, 'key_now'),
      event: 'after update',
      when: buffered ? `${INSIDE} and (${changed})` : changed,
      part: 'writeOld',
    },
  ]
}

function truncateTriggers(table: CaptureTable): Trigger[] {
  return [table.table, ...table.partitions].map((on) => ({
    name: triggerName(table, 'truncate'),
    event: 'after truncate',
    on,
    level: 'statement',
    part: 'truncate',
  }))
}

/** By the index's own operators, in the server: the values do not become JavaScript's. */
function keyChanged(table: CaptureTable): string {
  return table.keyColumns.map(differs).join(' or ')
}

function differs({ column, equality }: KeyColumn): string {
  const operator = `operator(${quoteIdent(equality.schema)}.${equality.name})`
  return `not (old.${quoteIdent(column)} ${operator} new.${quoteIdent(column)})`
}
