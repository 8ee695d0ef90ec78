import type { BackendResolver, CaptureTable, TriggerBackend } from '../capture/contract.ts'
import { GUARD_FUNCTION, serverFacts } from '../capture/install.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { Session } from '../database/session.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { displayName, quoteName } from '../shared/names.ts'
import { resyncCommand, shellWord } from '../shared/resync-command.ts'
import type { Finding, FindingCode } from './finding.ts'
import { finding } from './finding.ts'

interface Trigger {
  readonly name: string
  readonly definition: string
}

interface Installed {
  readonly triggers: readonly Trigger[]
  /** On each partition. */
  readonly partitionTriggers: readonly Trigger[]
  /** Definitions by name. */
  readonly functions: Readonly<Record<string, string>>
}

/** The table's own name is taken out, so that the definitions of two tables can be compared. */
const TRIGGERS = `select coalesce(json_agg(json_build_object('name', t.tgname, 'definition',
    replace(pg_get_triggerdef(t.oid), ' ON ' || t.tgrelid::regclass::text || ' ', ' ON it ')) order by t.tgname), '[]')
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
  where t.tgrelid = $1::regclass and n.nspname = 'rserv' and t.tgparentid = 0`

/** Also those that a partition has from its root. */
const DISABLED = `select t.tgname as name
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
  where t.tgrelid = $1::regclass and n.nspname = 'rserv' and t.tgenabled in ('D', 'R') and p.proname <> '${GUARD_FUNCTION}' order by 1`

const FUNCTIONS = `select coalesce(json_object_agg(p.proname, pg_get_functiondef(p.oid)), '{}')
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'rserv' and p.proname = any ($1)`

const FUNCTION_NAMES = `select coalesce(json_agg(distinct p.proname), '[]')
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace
  where t.tgrelid = any ($1::regclass[]) and n.nspname = 'rserv'`

interface Subject {
  readonly table: ReplicatedTable
  readonly capture: CaptureTable
  /** Slave's database, for hints. */
  readonly slave: string
}

/** Triggers and functions of a table against what its backend generates. Inside a transaction. */
export async function checkCapture(session: Session, subject: Subject, backends: BackendResolver): Promise<Finding[]> {
  const where = { session, table: subject.table.table }
  let backend: TriggerBackend
  try {
    backend = await backends(subject.table.backend)
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    return [finding('backend-missing', where, error.message, `npm install ${subject.table.backend}`)]
  }
  const hosting = backend.canHost(await serverFacts(session))
  if (!hosting.ok) return [finding('backend-unusable', where, hosting.reason, hosting.hint)]
  try {
    return await compare(session, subject, backend)
  } catch (error) {
    // 42501: the role owns no functions here; XX000: the functions were replaced at this moment, as CleanLog does.
    if (!['42501', '55P03', 'XX000'].includes(codeOf(error) ?? '')) throw error
    await session.run('rollback to savepoint rserv_check')
    const text = `triggers and functions could not be compared: ${(error as Error).message}`
    return [finding('capture-unchecked', where, text, 'Check again, as the role that added the table.')]
  }
}

async function compare(session: Session, subject: Subject, backend: TriggerBackend): Promise<Finding[]> {
  await session.run('savepoint rserv_check')
  const meant = await install(session, subject, backend)
  await session.run('rollback to savepoint rserv_check')
  const advice = new Advice(session, subject)
  const { table, capture } = subject
  const found = [...(await triggersOf(session, table.table, meant.triggers, advice))]
  for (const partition of await knownPartitions(session, table)) {
    const twins = capture.partitions.length > 0 ? meant.partitionTriggers : []
    found.push(...(await triggersOf(session, partition, twins, advice)))
  }
  return [...found, ...(await functionsOf(session, meant.functions, advice))]
}

/**
 * The backend's statements are run for an empty twin of the table, and undone by the caller: what the server makes of
 * them is compared, not text. The captured table is not locked.
 */
async function install(session: Session, { table, capture }: Subject, backend: TriggerBackend): Promise<Installed> {
  const twins = ['twin', 'part'].map((name) => ({ schema: 'rserv', name: `check_${table.tableId}_${name}` }))
  const [twin, part] = twins.map(quoteName)
  const own = { ...capture, table: twins[0] ?? table.table, partitions: twins.slice(1) }
  for (const name of [twin, part]) await session.run(`create table ${name} (like ${quoteName(table.table)})`)
  for (const statement of [...backend.createFunctions(own), ...backend.createTriggers(own)])
    await session.run(statement)
  return {
    triggers: await session.json<Trigger[]>(TRIGGERS, [twin]),
    partitionTriggers: await session.json<Trigger[]>(TRIGGERS, [part]),
    functions: await session.json<Installed['functions']>(FUNCTIONS, [
      await session.json<string[]>(FUNCTION_NAMES, [[twin, part]]),
    ]),
  }
}

/** Partitions that come later get their triggers from the next transfer. */
async function knownPartitions(session: Session, { partitionOids }: ReplicatedTable): Promise<QualifiedName[]> {
  return session.json<QualifiedName[]>(
    `select coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname) order by c.oid), '[]')
      from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.oid = any ($1::oid[]) and c.relispartition`,
    [`{${partitionOids.join(',')}}`],
  )
}

/** Findings about one table, with their remedies. */
class Advice {
  readonly #where: { readonly session: Session; readonly table: QualifiedName }
  /** Captures the table again, which replicate's own look at it would not find to be necessary. */
  readonly anew: string

  constructor(session: Session, { table, slave }: Subject) {
    this.#where = { session, table: table.table }
    const words = [session.database, displayName(table.table)].map(shellWord).join(' ')
    const key = table.keyColumns.map((name) => ` ${shellWord(name)}`).join('')
    this.anew =
      `rserv master-remove-table ${words} && rserv master-add-table ${words}${key} --backend ${table.backend} && ` +
      resyncCommand({ master: session.database, slave }, table.table)
  }

  tell(code: FindingCode, text: string): Finding {
    return finding(code, this.#where, text, this.anew)
  }
}

async function triggersOf(
  session: Session,
  table: QualifiedName,
  meant: readonly Trigger[],
  advice: Advice,
): Promise<Finding[]> {
  const found = await session.json<Trigger[]>(TRIGGERS, [quoteName(table)])
  const on = displayName(table)
  const wrong = meant.flatMap(({ name, definition }) => {
    const trigger = found.find((other) => other.name === name)
    if (!trigger) return [advice.tell('trigger-missing', `trigger ${name} on ${on} is missing: changes may be lost`)]
    if (trigger.definition === definition) return []
    return [advice.tell('trigger-altered', `trigger ${name} on ${on} is not the backend's: ${trigger.definition}`)]
  })
  const disabled = await session.query(DISABLED, [quoteName(table)])
  const text = (name: string): string => `trigger ${name} on ${on} is disabled: changes may be lost`
  return [...wrong, ...disabled.map(({ name }) => advice.tell('trigger-disabled', text(name ?? '')))]
}

async function functionsOf(session: Session, meant: Installed['functions'], advice: Advice): Promise<Finding[]> {
  const found = await session.json<Installed['functions']>(FUNCTIONS, [Object.keys(meant)])
  return Object.entries(meant).flatMap(([name, definition]) => {
    const now = found[name]
    if (now === undefined) return [advice.tell('function-missing', `function rserv.${name} is missing`)]
    if (now === definition) return []
    return [advice.tell('function-altered', `function rserv.${name} is not as the backend makes it`)]
  })
}
