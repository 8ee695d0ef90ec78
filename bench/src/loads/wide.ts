import type { Database } from '../database.ts'
import type { Sizes } from '../sizes.ts'

export const WIDE = 'wide'

/** About 200 bytes a row, of the types that applications use, one primary key. */
export const CREATE_WIDE = `create table ${WIDE} (id bigint primary key, customer integer not null, status text not null,
  amount numeric(12, 2) not null, created timestamptz not null, changed timestamptz, flags boolean not null,
  reference uuid not null, note text)`

function insertWide(rows: number): string {
  return `insert into ${WIDE} select i, i % 5000, 'new', (i % 100000) / 7.0, timestamptz '2026-01-01 00:00:00Z'
    + i * interval '1 second', null, i % 3 = 0, md5(i::text)::uuid, repeat(md5(i::text), 3)
    from generate_series(1, ${rows}) i`
}

/** The bulk load: one INSERT of all rows, then updates of equal slices, each in a transaction of its own. */
export async function bulkLoad(database: Database, { wideRows, updates }: Sizes): Promise<void> {
  await database.run(insertWide(wideRows))
  const slice = Math.ceil(wideRows / updates)
  for (let start = 1; start <= wideRows; start += slice) {
    await database.run(`update ${WIDE} set status = 'paid', amount = amount + 1, changed = timestamptz '2026-06-01 00:00:00Z'
      where id between ${start} and ${start + slice - 1}`)
  }
}

export async function deleteWide(database: Database, count: number): Promise<void> {
  await database.run(`delete from ${WIDE} where id in (select id from ${WIDE} order by reference limit ${count})`)
}
