import type { KeepLogOptions, QualifiedName, SchemaSource } from '@rserv/core'
import {
  displayName,
  keepLog,
  masterAddTables,
  masterRemoveTables,
  slaveAddTables,
  slaveRemoveTables,
} from '@rserv/core'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE, SLAVE_WITH_MASTER } from '../options.ts'
import { columns, flag, list, positive, text, whole } from '../values.ts'

const TABLE_ARGUMENTS = [
  { name: '[table]', help: `table as in SQL, or a pattern such as 'sales.*'` },
  { name: '[columns]', help: 'key columns, separated by commas; default the primary key' },
]

/** Publications of PostgreSQL, Londiste and Slony-I have them. */
const REFUSES = [
  {
    flag: '--where <condition>',
    message: 'there are no filters of rows: a table is replicated with all of them',
    hint:
      'A filter that a row enters or leaves, or that depends on the time or another table, would leave wrong rows behind. ' +
      'Replicate one partition as a table of its own, or filter in a view on the slave.',
  },
]

interface Selection {
  tables: string[]
  all: boolean
  keyColumns?: string[]
}

/** @throws UsageError */
function selection({ args, options }: Call, allowAll = true): Selection {
  const tables = [...(args[1] === undefined ? [] : [args[1]]), ...list(options, 'table')]
  const all = allowAll && flag(options, 'all')
  if (tables.length === 0 && !all) throw new UsageError('no table given', 'Name a table, or use --table or --all.')
  const keyColumns = columns(args[2])
  if (keyColumns && (tables.length > 1 || all)) {
    throw new UsageError('key columns are for one table only', 'Add such tables one by one.')
  }
  return { tables, all, ...(keyColumns ? { keyColumns } : {}) }
}

export const masterAddTableCommand: Command = {
  name: 'master-add-table',
  historic: 'MasterAddTable',
  summary: 'capture the changes of tables on a master',
  refuses: REFUSES,
  details:
    `A table is named as in SQL: orders, sales.orders, "Odd.Name"."x y"; a pattern such as 'sales.*' means all tables ` +
    `that match. The key is the primary key, or the columns of a unique index that are all NOT NULL. Each table is added ` +
    `in a transaction of its own under a SHARE ROW EXCLUSIVE lock: reading goes on, writing waits. All tables are ` +
    `checked before the first one is added.`,
  arguments: [{ name: '<masterdb>', help: 'the master' }, ...TABLE_ARGUMENTS],
  options: [
    'table',
    'all',
    'backend',
    'granularity',
    'dryRun',
    'lockTimeout',
    'attempts',
    ...ONE_DATABASE,
    ...EVERYWHERE,
  ],
  examples: [
    'master-add-table shop orders',
    'master-add-table shop sales.items order_id,line',
    `master-add-table shop 'sales.*' --table customers`,
  ],
  async run(call) {
    const { args, options, common, backends, database } = call
    const selected = selection(call)
    const lockTimeout = positive(options, 'lockTimeout')
    const result = await masterAddTables(await database(args[0]), {
      ...common,
      ...selected,
      backends,
      backend: text(options, 'backend'),
      granularity: granularity(text(options, 'granularity')),
      dryRun: flag(options, 'dryRun'),
      lockTimeoutMs: lockTimeout === undefined ? undefined : lockTimeout * 1000,
      attempts: whole(options, 'attempts'),
    })
    if (flag(options, 'dryRun')) return { json: result, text: dryRunText(result.tables) }
    const lines = result.tables.map(({ table, outcome, keyColumns, granularity: kind, backend }) => {
      const how = `by (${keyColumns.join(', ')}), ${backend}, ${kind} granularity`
      const what = { added: 'captured', changed: 'now captured, no change lost,' }[outcome as string]
      return `${displayName(table)}: ${what ? `${what} ${how}` : 'was captured already'}`
    })
    return { json: result, text: lines.join('\n') }
  },
}

function dryRunText(tables: readonly { table: QualifiedName; outcome: string; locks: string; sql?: string }[]): string {
  const parts = tables.map(({ table, outcome, locks, sql }) =>
    outcome === 'dry-run'
      ? `-- ${displayName(table)}\n-- lock: ${locks}\n-- its number, 0 here, is given when it is added\n${sql}`
      : `-- ${displayName(table)} is captured already`,
  )
  return parts.join('\n\n')
}

/** @throws UsageError */
function granularity(value: string | undefined): 'statement' | 'row' | undefined {
  if (value === undefined || value === 'statement' || value === 'row') return value
  throw new UsageError(`unknown granularity ${value}`, 'It is statement or row.')
}

export const slaveAddTableCommand: Command = {
  name: 'slave-add-table',
  historic: 'SlaveAddTable',
  summary: 'register tables that a slave takes',
  refuses: REFUSES,
  details:
    `The table must exist, with its key as primary key or unique index. The next transfer copies it, over the rows that ` +
    `are there. With --assume-synced it is not copied: its rows must be those of a moment after the master began to ` +
    `capture it. With --keep-log, also for tables of a slave in service, the slave logs the keys of what it applies, and ` +
    `nobody but transfers can write the tables (SQLSTATE 25006): so it can take its master's place, and feed other ` +
    `slaves. That takes the lock of master-add-table, and the role must own the tables. ` +
    `With --schema tables that the slave lacks are created as they are on --master, by pg_dump; names and ` +
    `patterns are the master's then, and --all means all that it captures. Foreign keys to tables that the slave does not ` +
    `have, triggers whose function it does not have, and row-level security are left out, and named.`,
  arguments: [{ name: '<slavedb>', help: 'the slave' }, ...TABLE_ARGUMENTS],
  options: [
    'table',
    'all',
    'assumeSynced',
    'schema',
    'master',
    'pgDump',
    'keepLog',
    'backend',
    'lockTimeout',
    'attempts',
    ...SLAVE_WITH_MASTER,
    ...EVERYWHERE,
  ],
  examples: [
    'slave-add-table shop_copy orders',
    'slave-add-table shop_copy --all --schema --master shop',
    'slave-add-table shop_copy --all',
    'slave-add-table shop_copy orders --assume-synced',
    'slave-add-table shop_copy --all --keep-log',
  ],
  async run(call) {
    const { args, options, common, database } = call
    const selected = selection(call)
    const slave = await database(args[0])
    const result = await slaveAddTables(slave, {
      ...common,
      ...selected,
      assumeSynced: flag(options, 'assumeSynced'),
      schema: await schemaSource(call),
    })
    const keeps = flag(options, 'keepLog')
    const names = result.tables.map(({ table }) => table)
    if (keeps) await keepLog(slave, { ...common, ...keepOptions(call), tables: names })
    const next = {
      new: 'the next transfer copies it',
      copied: 'copied, the next transfer brings it to the position of the others',
      assumed: 'its rows are taken to be there',
      synced: 'in sync',
    }
    const lines = result.tables.map(
      ({ table, outcome, state, created }) =>
        `${displayName(table)}: ${created ? 'created, ' : ''}${outcome === 'added' ? 'registered' : 'was registered already'}, ${next[state]}` +
        (keeps ? '; the slave keeps a log of it' : ''),
    )
    return { json: keeps ? { ...result, keepsLog: true } : result, text: lines.join('\n') }
  },
}

function keepOptions({ options, backends }: Call): Omit<KeepLogOptions, 'tables'> {
  const lockTimeout = positive(options, 'lockTimeout')
  return {
    backends,
    backend: text(options, 'backend'),
    lockTimeoutMs: lockTimeout === undefined ? undefined : lockTimeout * 1000,
    attempts: whole(options, 'attempts'),
  }
}

/** @throws UsageError */
async function schemaSource({ options, side, masterEnvironment, context }: Call): Promise<SchemaSource | undefined> {
  const master = text(options, 'master')
  if (!flag(options, 'schema')) {
    if (master === undefined) return undefined
    throw new UsageError('--master is for --schema only', 'Add --schema, or leave --master out.')
  }
  if (master === undefined) throw new UsageError('--schema without a master', 'Name it: --schema --master DB.')
  const program = text(options, 'pgDump') ?? context.env['RSERV_PG_DUMP']
  return { master: await side('master', master), pgDump: { program, env: masterEnvironment(master) } }
}

function removed(tables: readonly { table: QualifiedName }[], how: string): Outcome {
  return { json: { tables }, text: tables.map(({ table }) => `${displayName(table)}: ${how}`).join('\n') }
}

export const masterRemoveTableCommand: Command = {
  name: 'master-remove-table',
  summary: 'stop to capture tables; their triggers and logs are dropped',
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[table]', help: 'captured table or pattern' },
  ],
  options: ['table', 'all', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-remove-table shop orders', 'master-remove-table shop --all'],
  async run(call) {
    const { args, common, backends, database } = call
    const selected = selection(call)
    const result = await masterRemoveTables(await database(args[0]), { ...common, ...selected, backends })
    return removed(result.tables, 'no longer captured')
  },
}

export const slaveRemoveTableCommand: Command = {
  name: 'slave-remove-table',
  summary: 'forget tables on a slave; their rows stay',
  arguments: [
    { name: '<slavedb>', help: 'the slave' },
    { name: '[table]', help: 'registered table or pattern' },
  ],
  options: ['table', 'all', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['slave-remove-table shop_copy orders'],
  async run(call) {
    const { args, common, backends, database } = call
    const selected = selection(call)
    const result = await slaveRemoveTables(await database(args[0]), { ...common, ...selected, backends })
    return removed(result.tables, 'no longer taken; its rows stay')
  },
}
