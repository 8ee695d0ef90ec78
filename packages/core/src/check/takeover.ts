import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { checkSource } from '../changes/check-source.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { displayName, quoteIdent, quoteName, sameName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Finding, FindingCode } from './finding.ts'
import { finding } from './finding.ts'
import type { TakeoverFacts } from './takeover-facts.ts'
import { takeoverFacts } from './takeover-facts.ts'

/** Findings of these codes say that a slave is not ready to take its master's place. */
export const STANDS_AGAINST_TAKEOVER: ReadonlySet<FindingCode> = new Set<FindingCode>([
  'takeover-log',
  'takeover-capture',
  'takeover-guard',
  'takeover-constraint',
  'takeover-index',
  'takeover-trigger',
  'takeover-default',
  'takeover-grant',
  'sequence-missing',
  'not-taken',
  'copy-pending',
  'parked',
])

/** What was found of a slave that keeps a log, with the verdict where nothing stands against it. */
export function withVerdict(slave: Session, found: readonly Finding[]): Finding[] {
  if (found.some(({ code, severity }) => severity === 'problem' || STANDS_AGAINST_TAKEOVER.has(code))) return [...found]
  const text = "it is ready to take its master's place"
  return [
    ...found,
    finding('takeover-ready', { session: slave }, text, 'Nothing; rserv switchover or promote does it.'),
  ]
}

interface Sides {
  readonly source: TableDescription
  readonly target: TableDescription
  /** What the slave captures itself. */
  readonly kept: readonly ReplicatedTable[]
}

/** What a table of the slave lacks that it would need as a master's. Inside a transaction on each side. */
export async function checkTakeoverTable(master: Session, slave: Session, sides: Sides): Promise<Finding[]> {
  const { source, target, kept } = sides
  const table = { schema: target.schema, name: target.name }
  const tell = (code: FindingCode, text: string, fix: string): Finding =>
    finding(code, { session: slave, table }, text, fix)
  const keep = `rserv slave-add-table ${shellWord(slave.database)} ${shellWord(displayName(table))} --keep-log`
  const own = kept.find((candidate) => sameName(candidate.table, table))
  if (!own) return [tell('takeover-log', 'the slave keeps no log of this table', keep)]
  const [there, here] = [await takeoverFacts(master, source.oid), await takeoverFacts(slave, target.oid)]
  const found = compare(there, here, { table: quoteName(table), tell })
  const broken = await whyBroken(slave, own)
  if (broken !== null) found.push(tell('takeover-capture', broken, keep))
  if (here.blind) {
    found.push(tell('takeover-capture', 'its capture does not see what transfers write (ENABLE ALWAYS)', keep))
  }
  if (!here.guarded) found.push(tell('takeover-guard', 'others than transfers can write it', keep))
  return found
}

async function whyBroken(slave: Session, own: ReplicatedTable): Promise<string | null> {
  try {
    await checkSource(slave, own)
    return null
  } catch (error) {
    if (error instanceof RservError && error.code !== 'SQL') return error.message
    throw error
  }
}

interface Telling {
  /** Quoted. */
  readonly table: string
  readonly tell: (code: FindingCode, text: string, fix: string) => Finding
}

const KINDS = [
  ['constraints', 'takeover-constraint', 'constraint'],
  ['indexes', 'takeover-index', 'index'],
  ['triggers', 'takeover-trigger', 'trigger'],
  ['defaults', 'takeover-default', 'default or NOT NULL of column'],
  ['grants', 'takeover-grant', 'grant'],
] as const

function compare(there: TakeoverFacts, here: TakeoverFacts, { table, tell }: Telling): Finding[] {
  return KINDS.flatMap(([kind, code, word]) =>
    there[kind].flatMap((thing) => {
      if (!thing.on) return []
      const own = here[kind].find(({ key }) => key === thing.key)
      if (!own) return [tell(code, `the master's ${word} ${thing.name} is not here`, thing.make)]
      if (own.on) return []
      return [tell(code, `${word} ${own.name} is not in force here`, enable(kind, own.name, table))]
    }),
  )
}

function enable(kind: (typeof KINDS)[number][0], name: string, table: string): string {
  if (kind === 'triggers') return `ALTER TABLE ${table} ENABLE TRIGGER ${quoteIdent(name)};`
  if (kind === 'indexes') return `REINDEX INDEX ${quoteIdent(name)};`
  return `ALTER TABLE ${table} ENABLE TRIGGER ALL; ALTER TABLE ${table} VALIDATE CONSTRAINT ${quoteIdent(name)};`
}
