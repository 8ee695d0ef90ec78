import type { CaptureTable, KeyColumn, Verdict } from '@rserv/core'

/** Types whose values PLV8 hands to JavaScript and back without loss; by format_type's names, without modifiers. */
const EXACT = new Set([
  'smallint',
  'integer',
  'bigint',
  'oid',
  'real',
  'double precision',
  'boolean',
  'text',
  'character varying',
  'character',
  '"char"',
  'name',
  'bytea',
  'uuid',
  'inet',
  'cidr',
  'macaddr',
  'macaddr8',
  'bit',
  'bit varying',
  'time without time zone',
  'time with time zone',
  'xid8',
  'pg_lsn',
  'int4range',
  'int8range',
])

/** PLV8 turns these into Date, number or object, which lose digits, zones or shape. */
export function canCarry(table: CaptureTable): Verdict {
  const lossy = table.keyColumns.find((key) => !isExact(key))
  if (!lossy) return { ok: true }
  return {
    ok: false,
    reason: `PLV8 cannot carry key column ${lossy.column} of type ${lossy.type} exactly`,
    hint: 'Use --backend plpgsql for this table.',
  }
}

function isExact({ type, kind }: KeyColumn): boolean {
  if (kind === 'enum') return true
  const plain = type.replace(/\(\d+(,\d+)?\)/, '')
  return EXACT.has(plain) || plain.endsWith('.citext')
}
