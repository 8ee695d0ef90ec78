import type { ReplicatedTable } from '../../capture/replicated-tables.ts'
import { contentChange } from '../../changes/content-change.ts'
import type { TableDescription } from '../../database/describe-table.ts'
import type { Session } from '../../database/session.ts'
import { filledColumns } from '../../ddl/filled-columns.ts'
import type { TableEffect } from '../../ddl/script.ts'
import { quoteName } from '../../shared/names.ts'

type RowsEffect = Pick<TableEffect, 'rows' | 'filled'>

const WHOLE: RowsEffect = { rows: 'whole', filled: {} }
const SAME: RowsEffect = { rows: 'same', filled: {} }

/**
 * What a script, which slaves run too, did to the rows of a table besides DML. Two things need no copy: partitions that
 * are new and empty, whose rows were captured from the first on, and columns added with a value that the catalog holds,
 * which a slave compares.
 */
export async function rowsEffect(session: Session, known: ReplicatedTable, now: TableDescription): Promise<RowsEffect> {
  if (contentChange(known, now) !== 'rows') return SAME
  const oids = now.partitions.map(({ oid }) => oid)
  if (known.partitionOids.some((oid) => !oids.includes(oid))) return WHOLE
  const added = now.partitions.filter(({ oid }) => !known.partitionOids.includes(oid))
  for (const partition of added) if (!(await isEmpty(session, partition))) return WHOLE
  // As if the new partitions had been there.
  const filled = now.fingerprint.filled.filter((column) => !known.fingerprint?.filled.includes(column))
  const before = known.fingerprint && { ...known.fingerprint, filled: now.fingerprint.filled }
  if (contentChange({ ...known, partitionOids: oids, fingerprint: before }, now) === 'rows') return WHOLE
  return filled.length === 0 ? SAME : filledBy(session, now, filled)
}

async function isEmpty(session: Session, partition: TableDescription['partitions'][number]): Promise<boolean> {
  const row = await session.row(`select not exists (select from ${quoteName(partition)}) as empty`)
  return row?.['empty'] === 't'
}

async function filledBy(session: Session, now: TableDescription, columns: readonly string[]): Promise<RowsEffect> {
  const values = await filledColumns(session, quoteName(now))
  const filled = columns.flatMap((column) => {
    const [value, ...others] = values[column] ?? []
    return value === undefined || others.length > 0 ? [] : [[column, value] as const]
  })
  return filled.length === columns.length ? { rows: 'filled', filled: Object.fromEntries(filled) } : WHOLE
}
