import type { TargetTable } from './target-table.ts'

/**
 * Types whose binary form is the same in all supported versions and does not depend on settings. Others, such as
 * enums, domains and types of extensions, travel as text.
 */
const STABLE = new Set([
  'boolean',
  'smallint',
  'integer',
  'bigint',
  'real',
  'double precision',
  'numeric',
  'text',
  'character varying',
  'character',
  'bytea',
  'uuid',
  'date',
  'time without time zone',
  'time with time zone',
  'timestamp without time zone',
  'timestamp with time zone',
  'interval',
  'json',
  'jsonb',
  'inet',
  'cidr',
  'macaddr',
  'bit',
  'bit varying',
])

/** May the rows of a table travel in binary format? Only where both sides have the very same types. */
export function binaryFits(target: TargetTable | undefined): boolean {
  if (!target) return false
  return target.transfer.columns.every(({ type }, index) => type === target.columns[index]?.type && isStable(type))
}

/** `numeric(12,2)`, `timestamp(3) with time zone`, `text[]`: modifiers and arrays make no difference. */
function isStable(type: string): boolean {
  return STABLE.has(type.replace(/\([^)]*\)/, '').replace(/\[\]$/, ''))
}
