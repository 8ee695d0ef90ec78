import type { Row } from '../database/session.ts'
import type { ReadRequest } from './read-rows.ts'
import { changedColumns, changedKeysWithRows } from './read-rows.ts'

/** Changed keys with their rows, few enough to be held: one text for each column. Nothing looks into them. */
export interface FewRows {
  readonly rows: number
  /** Arrays of text in array syntax: first `gone`, then the travelling columns. */
  readonly columns: readonly string[]
}

/** Bytes on disk, perhaps compressed, up to which rows are few. */
const FEW_BYTES = 262_144

/**
 * A statement that reads changed keys with their rows as arrays of text, what the types' output functions print: not
 * what a cast to text gives, which is something else for some types. Nothing is read where the rows are large.
 */
export function selectFew(request: ReadRequest): string {
  const raw = changedColumns(request)
  const size = raw.map((value) => `coalesce(pg_column_size(${value}), 0)`).join(' + ')
  const texts = raw.map((_, index) => {
    const value = `r.c${index + 1}`
    return `array_agg(case when num_nulls(${value}) = 0 then format('%s', ${value}) end)::text as c${index + 1}`
  })
  return `with r as materialized (select t.tableoid is null as c0, ${size} as size,
      ${raw.map((value, index) => `${value} as c${index + 1}`).join(', ')} from ${changedKeysWithRows(request)}),
    s as (select count(*) as rows, coalesce(sum(size), 0) <= ${FEW_BYTES} as small from r)
    select s.rows, a.* from s left join lateral (select array_agg(r.c0::text)::text as c0, ${texts.join(', ')} from r) a on s.small`
}

/** Reads the statement's answer; null where the rows are large. */
export function toFewRows(row: Row | undefined): FewRows | null {
  const { rows, ...columns } = row ?? {}
  const values = Object.values(columns).filter((value) => value !== null)
  return values.length === Object.keys(columns).length ? { rows: Number(rows), columns: values } : null
}
