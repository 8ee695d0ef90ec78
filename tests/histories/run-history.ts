import type { ReplicateOptions, RservEvent } from '@rserv/core'
import {
  cleanLog,
  masterAddTables,
  masterRemoveTables,
  replicate,
  resync,
  slaveAddTables,
  slaveRemoveTables,
} from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import type { Client } from 'pg'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { auditLeaf, compareAsOf, installAudit } from '../support/audit.ts'
import type { Following } from '../support/following.ts'
import { startFollowing } from '../support/following.ts'
import { backends } from '../support/pair.ts'
import { settle } from '../support/settle.ts'
import { Connection } from './connections.ts'
import type { History, Step } from './model.ts'
import type { DDL } from './model.ts'
import { CONNECTIONS } from './model.ts'
import type { Table } from './tables.ts'
import { tablesOf } from './tables.ts'
import type { World } from './world.ts'

/** What the master had committed by that snapshot, and the slave's position lacks. */
async function missed(reader: Client, slave: TestDatabase, since: string): Promise<unknown[]> {
  const [position] = await slave.query('select position::text as p from rserv.slave_sync')
  const { rows } = await reader.query(
    `select * from audit.change
      where pg_visible_in_snapshot(xid, $1::pg_snapshot) and not pg_visible_in_snapshot(xid, $2::text::pg_snapshot)`,
    [since, position?.['p'] ?? '1:1:'],
  )
  return rows as unknown[]
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5)
}

function expectNone(...lists: unknown[][]): void {
  for (const list of lists) expect(list).toEqual([])
}

/** Lives through one history and expects the slave to be right after every sync, and at the end. */
export async function runHistory(world: World, history: History): Promise<void> {
  const run = new Run(world, history)
  try {
    await run.setUp()
    for (const step of history.steps) await run.step(step)
    await run.end()
  } finally {
    await run.close()
  }
}

class Run {
  readonly #world: World
  readonly #schema: string
  readonly #tables: Table[]
  readonly #slaveConfig: World['pair']['slave']['config']
  #connections: Connection[] = []
  #prepared: string[] = []
  readonly #version: number
  #names = 0
  #background: Promise<void> | undefined
  #following: Following | undefined
  readonly #followed: boolean
  readonly #options: ReplicateOptions

  constructor(world: World, history: History) {
    this.#world = world
    this.#schema = `h${++world.number}`
    this.#tables = tablesOf(this.#schema, history)
    this.#slaveConfig = history.ordinary ? world.ordinary : world.pair.slave.config
    this.#version = world.version
    this.#followed = history.followed
    const count = ({ copy }: RservEvent): void => void (copy === 'copied' && this.#world.figures.copies++)
    this.#options = history.apart ? { withinBytes: 0, jobs: 2, onEvent: count } : {}
  }

  get #tableNames(): string[] {
    return this.#tables.map((table) => table.name)
  }

  async setUp(): Promise<void> {
    const { master, slave } = this.#world.pair
    const ddl = this.#tables.map((table) => table.create()).join('; ')
    await master.query(`create schema ${this.#schema}; ${ddl}`)
    await slave.query(
      `create schema ${this.#schema} authorization "${this.#world.role}"; set role "${this.#world.role}"; ${ddl}; reset role`,
    )
    await installAudit(master, this.#tableNames)
    await masterAddTables(master.config, { tables: this.#tableNames, backends })
    await slaveAddTables(this.#slaveConfig, { tables: this.#tableNames })
    if (this.#world.fault !== undefined) await master.query(this.#world.fault)
    const slaveSide = { config: this.#slaveConfig }
    if (this.#followed) this.#following = startFollowing({ master, slave: slaveSide }, this.#options)
    for (let i = 0; i < CONNECTIONS; i++) this.#connections.push(await Connection.open(master, this.#world.figures, i))
  }

  #table(t: number): Table {
    const table = this.#tables[t % this.#tables.length]
    if (!table) throw new Error('a history without tables')
    return table
  }

  #connection(number: number): Connection {
    const connection = this.#connections[number]
    if (!connection) throw new Error('no such connection')
    return connection
  }

  async step(step: Step): Promise<void> {
    if ('step' in step) await this.#one(step)
    else if ('together' in step) await this.#together(step.together)
    else if ('finish' in step) await this.#finish(step.finish)
    else if ('ddl' in step) await this.#ddl(step)
    else if ('sync' in step) await this.#sync(step.wait)
    else if ('clean' in step) await this.#clean()
    else await this.#recopy(this.#table(step.recopy).name, step.resync)
  }

  async #one({ on, step }: Extract<Step, { on: number }>): Promise<void> {
    const connection = this.#connection(on)
    if ('t' in step) {
      if (step.op === 'merge' && this.#version < 15) return
      await connection.change(this.#table(step.t), step)
      return
    }
    const prepared = await connection.control(step, `${this.#world.pair.master.name}_${this.#schema}_${this.#names++}`)
    if (prepared) this.#prepared.push(prepared)
  }

  async #together(changes: Extract<Step, { together: unknown }>['together']): Promise<void> {
    await Promise.all(
      changes.map((change, i) =>
        change.op === 'merge' && this.#version < 15
          ? undefined
          : this.#connection(i).change(this.#table(change.t), change),
      ),
    )
  }

  async #finish(how: 'commit' | 'rollback'): Promise<void> {
    const name = this.#prepared.shift()
    if (name) await this.#world.pair.master.query(`${how} prepared '${name}'`)
  }

  /** On the slave first, as docs/explanation/limits.md says; what is locked is left for another time. */
  async #ddl({ ddl, t }: { ddl: (typeof DDL)[number]; t: number }): Promise<void> {
    const table = this.#table(t)
    const { master, slave } = this.#world.pair
    const both = async (sql: string, onMaster = sql): Promise<void> => {
      // Two who lock several tables in different orders: either may be the victim.
      await settle(() => slave.query(`set lock_timeout = '5s'; ${sql}; reset lock_timeout`), ['40P01'])
      // The slave has it already: then so must the master, sooner or later.
      await this.#release()
      await master.query(`set lock_timeout = '20s'; ${onMaster}; reset lock_timeout`)
    }
    if (ddl === 'add column') return both(table.addColumn())
    if (ddl === 'partition') {
      if (!table.shape.partitioned) return
      const { leaf, sql } = table.addPartition()
      await both(`${sql}; alter table ${leaf} owner to "${this.#world.role}"`, `${sql}; ${auditLeaf(leaf, table.name)}`)
      // While somebody writes it, its trigger on TRUNCATE has to wait, and with it all transfers.
      return this.#sync(true)
    }
    const harmless: Record<string, string> = {
      index: `create index on ${table.name} ((v0 is null))`,
      'vacuum full': `vacuum full ${table.name}`,
      cluster: `cluster ${table.name} using ${table.name.split('.')[1]}_pkey`,
      reindex: `reindex table ${table.name}`,
      analyze: `analyze ${table.name}`,
      fillfactor: `alter table ${table.shape.partitioned ? `${table.name}_p0` : table.name} set (fillfactor = 70)`,
    }
    await master.query(`set lock_timeout = '40ms'`)
    await master.query(harmless[ddl] ?? '').catch((error: { code: string }) => {
      // Locked, or not for partitioned tables or within this version.
      if (!['55P03', '0A000', '40P01', '42809'].includes(error.code)) throw error
    })
    await master.query('reset lock_timeout')
  }

  /** Ends what DDL would wait for. */
  async #release(): Promise<void> {
    for (const connection of this.#connections) await connection.end('commit')
    while (this.#prepared.length > 0) await this.#finish('commit')
  }

  /** Ends what a transfer would wait for. */
  async #unlock(): Promise<void> {
    for (const connection of this.#connections) if (connection.exclusive) await connection.end('commit')
  }

  async #sync(wait: boolean): Promise<void> {
    await this.#settled()
    await this.#unlock()
    const running = this.#replicateAndCompare()
    // Awaited later: an error must not count as unhandled until then.
    running.catch(() => undefined)
    this.#background = running
    if (wait) await this.#settled()
  }

  async #settled(): Promise<void> {
    await this.#unlock()
    await this.#background
    this.#background = undefined
  }

  async #replicateAndCompare(): Promise<void> {
    const { pair, figures } = this.#world
    const { master, slave } = pair
    const reader = await master.connect()
    const before = await reader.query<{ s: string }>('select pg_current_snapshot()::text as s')
    const since = before.rows[0]?.s ?? ''
    if (this.#following) await until(async () => (await missed(reader, slave, since)).length === 0)
    else await settle(() => replicate(master.config, this.#slaveConfig, this.#options), ['BUSY', 'LOCK_TIMEOUT'])
    // One that follows lets the others go on while a table is copied; so may a resync that came just now.
    const { rows, differences } = await compareAsOf(master, slave, this.#tableNames, { unfilled: true })
    figures.syncs++
    figures.rows += rows
    figures.differences += differences.length
    // It is not only right but recent: all that was committed when the sync began is in it.
    const missing = await missed(reader, slave, since)
    await reader.end()
    expectNone(differences, missing)
  }

  async #clean(): Promise<void> {
    const { master } = this.#world.pair
    await cleanLog(master.config, { syncId: 1n << 62n, backends })
    this.#world.figures.cleanings++
  }

  async #recopy(table: string, resynced: boolean): Promise<void> {
    // With its last table a slave forgets its position: there is nothing to compare then.
    if (this.#tables.length === 1) return
    if (this.#followed || resynced) {
      // Before its end nobody lets go of the captured table, which may have to be captured anew.
      await this.#unlock()
      const { config } = this.#world.pair.master
      await settle(() => resync(config, this.#slaveConfig, { tables: [table], backends }), ['BUSY', 'LOCK_TIMEOUT'])
      return
    }
    // A transfer between the two would rightly leave the table out.
    await this.#settled()
    await slaveRemoveTables(this.#slaveConfig, { tables: [table] })
    await slaveAddTables(this.#slaveConfig, { tables: [table] })
  }

  async close(): Promise<void> {
    await this.#following?.stop()
    for (const connection of this.#connections) await connection.close()
  }

  async end(): Promise<void> {
    const { pair, figures } = this.#world
    await this.#settled()
    await this.#release()
    await this.#replicateAndCompare()
    await this.#following?.stop()
    this.#following = undefined
    // What changed no row, as TRUNCATE of an empty table, nobody has waited for.
    await settle(() => replicate(pair.master.config, this.#slaveConfig, this.#options))
    await pair.expectEqual(...this.#tableNames)
    await this.#clean()
    const logs = await pair.master.query<{ log: string }>(
      `select 'rserv.log_' || table_id as log from rserv.replicated_table union all select 'rserv.truncate_log'`,
    )
    for (const { log } of logs) expectNone(await pair.master.query(`select * from ${log}`))
    await masterRemoveTables(pair.master.config, { tables: [], all: true, backends })
    await slaveRemoveTables(pair.slave.config, { tables: [], all: true })
    for (const side of [pair.master, pair.slave]) await side.query(`drop schema ${this.#schema} cascade`)
    await pair.master.query('truncate audit.change')
    figures.histories++
  }
}
