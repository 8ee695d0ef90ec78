import type { FewRows } from '../changes/read-few.ts'
import type { Column } from '../database/describe-table.ts'
import { quoteLiteral, quoteName } from '../shared/names.ts'
import { logAbsentKeys } from './kept-log.ts'
import { columnLists, keysMatch, onlyTable, stageColumn } from './stage.ts'
import type { TargetTable } from './target-table.ts'

/**
 * A statement that replaces the rows of a few changed keys, under session_replication_role = replica. One statement
 * instead of a temporary table: the sub-select in it makes all deletes come first, so unique values may change places.
 * It answers with the numbers of rows `written` and `deleted`.
 */
export function writeFew(target: TargetTable, few: FewRows): string {
  const [gone = '{}', ...texts] = few.columns
  const names = few.columns.map((_, index) => `v${index}`)
  const arrays = target.columns.map((column, index) =>
    unnest(texts[index] ?? '{}', hasPlainArray(column) ? column.baseType : 'text'),
  )
  const values = target.columns.map(({ baseType, collation }, index) => {
    const value = `u.v${index + 1}::${baseType}`
    return `${collation ? `(${value}) collate ${quoteName(collation)}` : value} as ${stageColumn(index)}`
  })
  const { into, from } = columnLists(target)
  const logged = logAbsentKeys(target, 's', 's.gone')
  return `with s as materialized (select u.v0 as gone, ${values.join(', ')}
      from rows from (${[unnest(gone, 'boolean'), ...arrays].join(', ')}) as u (${names.join(', ')})),
    ${logged === null ? '' : `logged as (${logged}),`}
    deleted as (delete from ${onlyTable(target)} t using s where ${keysMatch(target)} returning 1),
    written as (insert into ${quoteName(target.description)} ${into} overriding system value
      select ${from} from s where not s.gone and (select pg_catalog.count(*) from deleted) >= 0 returning 1)
    select (select pg_catalog.count(*) from written) as written, (select pg_catalog.count(*) from s where not gone) as present,
      (select pg_catalog.count(*) from s where gone) as gone`
}

function unnest(array: string, type: string): string {
  return `pg_catalog.unnest(${quoteLiteral(array)}::${type}[])`
}

/**
 * Can its values be read as elements of an array, by the type's own input function? Arrays cannot, box has another
 * delimiter, and so may types of extensions: these are read as text and converted.
 */
function hasPlainArray({ baseType }: Column): boolean {
  return baseType !== 'box' && !baseType.endsWith('[]') && !baseType.includes('.')
}
