import { text as readText } from 'node:stream/consumers'
import { resolve } from 'node:path'
import type { DdlResult } from '@rserv/core'
import { ddl } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Call, Command, Outcome } from '../command.ts'
import { readConfig } from '../config/read.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { openForReading } from '../safe-file.ts'
import { flag, positive, text, whole } from '../values.ts'

export const ddlCommand: Command = {
  name: 'ddl',
  summary: 'run a schema change on a master and every slave, at one point between the transfers',
  details:
    `The script is SQL statements (no psql commands), which are one transaction on the master, under locks that keep writers of the tables that it ` +
    `changes away. Each slave is brought to exactly the point before it, runs it in the same transaction, and goes on. ` +
    `Slaves that are not named or cannot be reached run it at their next transfer, whoever makes it (replicate, run, ` +
    `apply-snapshot); none goes past it otherwise. Where the capture has to be put right it is: tables and key columns ` +
    `may be renamed, converted, dropped, and get another key. The same script again, or --resume, goes on where it ` +
    `stopped; it is never run twice on a database. Exit code 1 when a slave that was named has not run it.`,
  arguments: [
    { name: '[masterdb]', help: 'the master; with --config its name there, where there are several' },
    { name: '[slavedbs...]', help: 'slaves to bring along now; with --config their names, default all' },
  ],
  options: [
    'config',
    'file',
    'resume',
    'again',
    'skip',
    'wait',
    'lockTimeout',
    'attempts',
    ...TWO_DATABASES,
    ...EVERYWHERE,
  ],
  examples: [
    'ddl shop shop_copy --file add-column.sql',
    'ddl shop < change.sql',
    'ddl --config rserv.yaml --file change.sql',
    'ddl shop shop_copy --resume',
  ],
  async run(call) {
    const { options, common, backends } = call
    const resume = flag(options, 'resume') || text(options, 'skip') !== undefined
    const script = resume ? undefined : await readScript(call)
    const { master, slaves } = await databases(call)
    if (resume && slaves.length === 0) {
      throw new UsageError('no slave given', 'Name the slaves that are to run what they wait for.')
    }
    const lockTimeout = positive(options, 'lockTimeout')
    const wait = positive(options, 'wait')
    const result = await ddl(master, slaves, {
      ...common,
      backends,
      script,
      again: flag(options, 'again'),
      skip: whole(options, 'skip')?.toString(),
      waitMs: wait === undefined ? undefined : wait * 1000,
      lockTimeoutMs: lockTimeout === undefined ? undefined : lockTimeout * 1000,
      attempts: whole(options, 'attempts'),
    })
    return describe(result)
  },
}

interface Databases {
  readonly master: ClientConfig
  readonly slaves: readonly ClientConfig[]
}

/** Those of the arguments, or of a configuration of `rserv run`. @throws UsageError */
async function databases(call: Call): Promise<Databases> {
  const { args, options, context, side } = call
  const first = args[0]
  const others = args.slice(1).filter((name) => name !== undefined)
  const file = text(options, 'config')
  if (file === undefined) {
    const slaves: ClientConfig[] = []
    const master = await side('master', first)
    for (const slave of others) slaves.push(await side('slave', slave))
    return { master, slaves }
  }
  const { masters } = await readConfig(resolve(context.cwd, file))
  const [master] = named(masters, masters.length === 1 && first === undefined ? [] : [first], file)
  if (!master) throw new UsageError(`${file} names no master`, 'rserv init writes a configuration.')
  const slaves: ClientConfig[] = []
  for (const { database } of named(master.slaves, others, file)) slaves.push(await call.database(database))
  return { master: await call.database(master.database), slaves }
}

/** The entries of these names; all where none is given. @throws UsageError */
function named<T extends { readonly name: string }>(
  entries: readonly T[],
  names: readonly (string | undefined)[],
  file: string,
): readonly T[] {
  if (names.length === 0) return entries
  return names.map((name) => {
    const entry = entries.find((one) => one.name === name)
    if (entry) return entry
    const known = entries.map((one) => one.name).join(', ')
    throw new UsageError(`${file} has no ${name ?? 'single master'}`, `Name one of: ${known}`)
  })
}

/** @throws UsageError */
async function readScript({ context, options }: Call): Promise<string> {
  const file = text(options, 'file')
  if (file === undefined && context.stdin.isTTY) {
    throw new UsageError('no script on standard input', 'Use --file FILE, or redirect the input.')
  }
  const fromFile = file !== undefined && file !== '-'
  const input = fromFile ? await openForReading(resolve(context.cwd, file)) : context.stdin
  // A byte order mark is no SQL.
  const script = (await readText(input as NodeJS.ReadableStream & AsyncIterable<Buffer>)).replace(/^\uFEFF/, '')
  if (script.trim() === '') throw new UsageError('the script is empty', 'Give SQL statements.')
  return script
}

const ON_MASTER = {
  run: 'run on the master',
  'was-run': 'was run on the master before (--again runs it once more)',
} as const

function describe(result: DdlResult): Outcome {
  const { script, outcome, slaves, waiting } = result
  const lines = outcome === 'none' ? [] : [`Script ${script}: ${ON_MASTER[outcome]}`]
  for (const slave of slaves) {
    const { database, error, scripts } = slave
    if (error) lines.push(`${database}: waits: ${error.message}`, ...(error.hint ? [`  ${error.hint}`] : []))
    else lines.push(`${database}: ${scripts.length > 0 ? `script ${scripts.join(', ')} run; ` : ''}in sync`)
  }
  for (const { server, scripts } of waiting) {
    lines.push(`Slave ${server} waits for script ${scripts.join(', ')}: its next transfer runs it`)
  }
  const failed = slaves.some((slave) => slave.outcome === 'waiting')
  const told = slaves.map(({ error, ...slave }) => ({
    ...slave,
    error: error ? { code: error.code, message: error.message, hint: error.hint ?? null } : null,
  }))
  return { json: { ...result, slaves: told }, text: lines.join('\n'), failed }
}
