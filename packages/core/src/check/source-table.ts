import { chooseKey } from '../capture/choose-key.ts'
import { needsRowTriggers } from '../capture/install.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { contentChange } from '../changes/content-change.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { logTable } from '../log/log-table.ts'
import { RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'
import { resyncCommand, shellWord } from '../shared/resync-command.ts'
import type { Finding } from './finding.ts'
import { finding } from './finding.ts'

/** The captured table as it is now, with all that speaks against capturing it. */
export interface CheckedSource {
  /** Null where it is not the captured table any more. */
  readonly description: TableDescription | null
  readonly findings: readonly Finding[]
}

/** Looks at what `checkSource` looks at, but tells all of it. @param slave for hints */
export async function checkSourceTable(
  session: Session,
  table: ReplicatedTable,
  slave: string,
): Promise<CheckedSource> {
  const description = await describeTable(session, table.table)
  const again = resyncCommand({ master: session.database, slave }, table.table)
  const where = { session, table: table.table }
  if (!description) return { description: null, findings: [await gone(session, table)] }
  if (description.oid !== table.oid) {
    const text = 'it is another table than was captured: dropped and created again, or restored from a dump'
    return { description: null, findings: [finding('table-recreated', where, text, again)] }
  }
  const findings = [
    ...(await logs(session, table, again)),
    ...kind(session, description),
    ...key(session, table, { description, again }),
  ]
  if (table.granularity === 'statement' && needsRowTriggers(description)) {
    const text = 'it inherits from another table now: statements that name its parent are not captured'
    findings.push(finding('inherits', where, text, again))
  }
  if (contentChange(table, description) === 'rows') {
    const text = 'DDL may have changed rows unseen: the next transfer copies the table whole'
    findings.push(finding('copied-whole', where, text, 'Nothing, or choose the time: run rserv replicate.'))
  }
  return { description, findings }
}

async function gone(session: Session, { table, oid }: ReplicatedTable): Promise<Finding> {
  const now = await session.json<QualifiedName | null>(
    `select json_build_object('schema', n.nspname, 'name', c.relname)
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = $1`,
    [oid],
  )
  const where = { session, table }
  if (!now) {
    const fix = `rserv master-remove-table ${shellWord(session.database)} ${shellWord(displayName(table))}`
    return finding('table-gone', where, 'it is captured, but no longer there', fix)
  }
  return finding('table-renamed', where, `it is called ${displayName(now)} now`, renameBack(now, table))
}

function renameBack(now: QualifiedName, table: QualifiedName): string {
  const moved =
    now.schema === table.schema ? [] : [`ALTER TABLE ${quoteName(now)} SET SCHEMA ${quoteIdent(table.schema)};`]
  const from = quoteName({ schema: table.schema, name: now.name })
  const renamed = now.name === table.name ? [] : [`ALTER TABLE ${from} RENAME TO ${quoteIdent(table.name)};`]
  return [...moved, ...renamed].join(' ')
}

async function logs(session: Session, { table, tableId }: ReplicatedTable, again: string): Promise<Finding[]> {
  const missing: Finding[] = []
  for (const log of [logTable(tableId, 0), logTable(tableId, 1)]) {
    const row = await session.row('select to_regclass($1) is null as missing', [quoteName(log)])
    if (row?.['missing'] !== 't') continue
    missing.push(finding('log-missing', { session, table }, `its log ${displayName(log)} is gone`, again))
  }
  return missing
}

function kind(session: Session, description: TableDescription): Finding[] {
  const where = { session, table: { schema: description.schema, name: description.name } }
  if (description.persistence === 'u') {
    const fix = `ALTER TABLE ${quoteName(description)} SET LOGGED;`
    return [finding('unlogged', where, 'it is unlogged: a crash empties it unseen', fix)]
  }
  try {
    refuseUnsupported(description, session.side)
    return []
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    const code = error.code === 'ROW_SECURITY' ? 'row-security' : 'table-unsupported'
    return [finding(code, where, error.message, error.hint ?? '')]
  }
}

interface Known {
  readonly description: TableDescription
  readonly again: string
}

function key(session: Session, table: ReplicatedTable, { description, again }: Known): Finding[] {
  const where = { session, table: table.table }
  const changed = table.keyColumns.flatMap((name, index) => {
    const column = description.columns.find((candidate) => candidate.name === name)
    if (column && column.number === (table.keyNumbers[index] ?? column.number)) return []
    const text = `key column ${name} is ${column ? 'another one than was captured' : 'gone'}`
    return [finding('key-column-changed', where, text, again)]
  })
  if (changed.length > 0) return changed
  try {
    chooseKey(description, table.keyColumns, session.side)
    return []
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    const columns = table.keyColumns.map(quoteIdent).join(', ')
    const nullable = description.columns.filter(({ name, notNull }) => table.keyColumns.includes(name) && !notNull)
    const notNull = nullable.map(({ name }) => `ALTER COLUMN ${quoteIdent(name)} SET NOT NULL`)
    const fix =
      notNull.length > 0
        ? `ALTER TABLE ${quoteName(table.table)} ${notNull.join(', ')};`
        : `ALTER TABLE ${quoteName(table.table)} ADD UNIQUE (${columns});`
    return [finding('key-index-missing', where, error.message, fix)]
  }
}
