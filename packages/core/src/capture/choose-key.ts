import type { TableDescription, UniqueIndex } from '../database/describe-table.ts'
import { RservError } from '../shared/errors.ts'
import type { Side } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName } from '../shared/names.ts'
import type { TypeKind } from '../shared/type-kind.ts'

export interface ChosenColumn {
  readonly name: string
  readonly type: string
  readonly baseType: string
  readonly baseKind: TypeKind
  readonly collation: QualifiedName | null
  readonly equality: QualifiedName
}

/**
 * The key by which rows are found again: the named columns, default the primary key. There must be a unique index
 * on exactly these columns and all must be NOT NULL (case 99) and not generated: each side computes those itself.
 * @throws RservError NO_KEY, NO_SUCH_COLUMN
 */
export function chooseKey(table: TableDescription, wanted: readonly string[] | undefined, side: Side): ChosenColumn[] {
  const index = wanted?.length ? indexOn(table, wanted, side) : table.uniqueIndexes.find((i) => i.primary)
  if (!index) throw noKey(table, 'it has no primary key', side)
  return index.columns.map(({ name, equality }) => {
    const column = table.columns.find((c) => c.name === name)
    if (!column) throw noKey(table, `its key column ${name} is gone`, side)
    if (!column.notNull) throw noKey(table, `column ${name} may be NULL`, side)
    if (column.generated) throw noKey(table, `column ${name} is generated, and does not travel`, side)
    const { type, baseType, baseKind, collation } = column
    return { name, equality, type, baseType, baseKind, collation }
  })
}

function indexOn(table: TableDescription, wanted: readonly string[], side: Side): UniqueIndex {
  for (const name of wanted) {
    if (table.columns.some((column) => column.name === name)) continue
    throw new RservError('NO_SUCH_COLUMN', `table ${displayName(table)} has no column ${name}`, {
      side,
      hint: `Its columns are: ${table.columns.map((column) => column.name).join(', ')}`,
    })
  }
  const same = (index: UniqueIndex): boolean =>
    index.columns.length === new Set(wanted).size && index.columns.every((column) => wanted.includes(column.name))
  const index = table.uniqueIndexes.find(same)
  if (!index) throw noKey(table, `no unique index is on exactly (${wanted.join(', ')})`, side)
  return index
}

function noKey(table: TableDescription, reason: string, side: Side): RservError {
  const usable = table.uniqueIndexes.filter((index) =>
    index.columns.every(({ name }) => {
      const column = table.columns.find((candidate) => candidate.name === name)
      return column?.notNull && !column.generated
    }),
  )
  const keys = usable.map((index) => `(${index.columns.map((column) => column.name).join(', ')})`)
  return new RservError('NO_KEY', `table ${displayName(table)} cannot be replicated by this key: ${reason}`, {
    side,
    hint: keys.length
      ? `Keys that would do: ${keys.join(', ')}`
      : 'Add a primary key, or a unique index without condition whose columns are all NOT NULL.',
  })
}
