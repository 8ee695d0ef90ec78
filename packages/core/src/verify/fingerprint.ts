import type { Column } from '../database/describe-table.ts'
import { quoteIdent, quoteLiteral } from '../shared/names.ts'

/** Buckets that a table is cut into; a power of two, at most 2^16. */
export type BucketCount = number

const FEWEST = 256
const MOST = 65_536
/** Rows that a bucket has, about. */
const BUCKET_ROWS = 500

/** As many as keep both a bucket and the list of buckets small. */
export function bucketCount(estimatedRows: number): BucketCount {
  let count = FEWEST
  while (count < MOST && count * BUCKET_ROWS < estimatedRows) count *= 2
  return count
}

/** The encoding in which both sides hash text: bytes as they are where one side does not know what they mean. */
export function commonEncoding(master: string, slave: string): string {
  if (master === slave) return master
  return master === 'SQL_ASCII' || slave === 'SQL_ASCII' ? 'SQL_ASCII' : 'UTF8'
}

/** SHA-256 of the columns of row `t`, as SQL of type bytea: the same on every server, whatever its collations. */
export function rowHash(columns: readonly Column[], encoding: string): string {
  return `pg_catalog.sha256(pg_catalog.convert_to(${joined(columns.map(valueOf))}, ${quoteLiteral(encoding)}))`
}

/** The number of the bucket of row `t`, by its key, as SQL of type integer. */
export function bucketOf(key: readonly Column[], encoding: string, count: BucketCount): string {
  const bytes = `pg_catalog.substring(${rowHash(key, encoding)}, 1, 2)`
  return `((('x' || pg_catalog.encode(${bytes}, 'hex'))::pg_catalog.bit(16))::pg_catalog.int4 & ${count - 1})`
}

/** 64 bits of a hash, as SQL of type bigint. */
export function bitsOf(hash: string, start: 1 | 9): string {
  return `('x' || pg_catalog.encode(pg_catalog.substring(${hash}, ${start}, 8), 'hex'))::pg_catalog.bit(64)::pg_catalog.int8`
}

/** Long bytes are hashed on their own: as text they would be twice as long. */
function valueOf({ name, baseType }: Column): string {
  const value = `t.${quoteIdent(name)}`
  return baseType === 'bytea' ? `pg_catalog.encode(pg_catalog.sha256(${value}), 'hex')` : value
}

/** Fewer than the 100 arguments that a function may have. */
const PORTION = 90

/**
 * One text of several values: as the types' output functions write them, which is what a transfer sends, each quoted
 * as a literal so that no two rows have the same text.
 */
function joined(values: readonly string[]): string {
  const portions: string[] = []
  for (let start = 0; start < values.length; start += PORTION) {
    const some = values.slice(start, start + PORTION)
    portions.push(`pg_catalog.format('${some.map(() => '%L').join(',')}', ${some.join(', ')})`)
  }
  return portions.join(` || ',' || `)
}
