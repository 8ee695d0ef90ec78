import { canReceive } from '../apply/types-fit.ts'
import { chooseKey } from '../capture/choose-key.ts'
import { travellingColumns } from '../capture/install.ts'
import type { Column, TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { quoteIdent, quoteName } from '../shared/names.ts'
import type { Finding, FindingCode } from './finding.ts'
import { finding } from './finding.ts'

/** A table on both sides. */
export interface Sides {
  readonly source: TableDescription
  readonly target: TableDescription
  readonly keyColumns: readonly string[]
}

/** Where the slave's table differs from the master's in a way that matters, all of it. */
export function checkTarget(slave: Session, sides: Sides): Finding[] {
  const { target } = sides
  const where = { session: slave, table: { schema: target.schema, name: target.name } }
  const found = [...columns(slave, sides), ...key(slave, sides)]
  if (target.rowSecurity) {
    const text = 'row-level security would hide rows from this role'
    const fix = `ALTER TABLE ${quoteName(target)} DISABLE ROW LEVEL SECURITY; or use a role with BYPASSRLS`
    found.push(finding('row-security', where, text, fix))
  }
  if (target.persistence === 'u') {
    const text = 'it is unlogged: a crash of the slave empties it, and rserv does not see that'
    found.push(finding('slave-unlogged', where, text, `ALTER TABLE ${quoteName(target)} SET LOGGED;`))
  }
  return found
}

function columns(session: Session, { source, target }: Sides): Finding[] {
  const table = { schema: target.schema, name: target.name }
  const alter = `ALTER TABLE ${quoteName(table)}`
  const tell = (code: FindingCode, text: string, fix: string): Finding => finding(code, { session, table }, text, fix)
  const arriving = travellingColumns(source)
  const found = arriving.flatMap((column) => {
    const own = target.columns.find(({ name }) => name === column.name)
    const name = quoteIdent(column.name)
    if (!own) {
      return [tell('column-missing', `it lacks column ${column.name}`, `${alter} ADD COLUMN ${name} ${column.type};`)]
    }
    if (own.generated) {
      const text = `column ${column.name} is generated, the master's is not`
      return [tell('column-generated', text, `${alter} ALTER COLUMN ${name} DROP EXPRESSION;`)]
    }
    if (canReceive(own.type, column.type)) return []
    const text = `column ${column.name} has type ${own.type}, the master's has ${column.type}`
    return [tell('column-type', text, `${alter} ALTER COLUMN ${name} TYPE ${column.type};`)]
  })
  const others = target.columns.filter(({ name }) => !arriving.some((column) => column.name === name))
  return [...found, ...others.flatMap((column) => extra(column, { source, alter, tell }))]
}

interface Extra {
  readonly source: TableDescription
  readonly alter: string
  readonly tell: (code: FindingCode, text: string, fix: string) => Finding
}

/** A column of the slave that nothing arrives for. */
function extra(column: Column, { source, alter, tell }: Extra): Finding[] {
  const onMaster = source.columns.find(({ name }) => name === column.name)
  if (column.generated && onMaster) return []
  const name = quoteIdent(column.name)
  if (column.notNull && !column.generated && !column.hasDefault) {
    const text = `column ${column.name} is NOT NULL without default, and the master sends no value for it`
    return [tell('column-not-null', text, `${alter} ALTER COLUMN ${name} DROP NOT NULL;`)]
  }
  const what = onMaster ? `is generated on the master only and stays as it is here` : 'is not on the master'
  return [tell('column-extra', `column ${column.name} ${what}`, 'Nothing, if that is meant.')]
}

function key(session: Session, { target, keyColumns }: Sides): Finding[] {
  if (keyColumns.some((name) => !target.columns.some((column) => column.name === name))) return []
  try {
    chooseKey(target, keyColumns, 'slave')
    return []
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    const table = { schema: target.schema, name: target.name }
    const list = keyColumns.map(quoteIdent)
    const nullable = keyColumns.filter((name) => !target.columns.find((column) => column.name === name)?.notNull)
    const changes = nullable.map((name) => `ALTER COLUMN ${quoteIdent(name)} SET NOT NULL`)
    const fix = `ALTER TABLE ${quoteName(table)} ${[...changes, `ADD UNIQUE (${list.join(', ')})`].join(', ')};`
    return [finding('slave-key-missing', { session, table }, error.message, fix)]
  }
}
