import { masterInit, slaveInit } from '@rserv/core'
import { createRole } from '@rserv/test-utils'
import type { ClientConfig } from 'pg'
import type { Pair } from '../support/pair.ts'
import { backends, createPair } from '../support/pair.ts'
import type { Counts } from './connections.ts'

export interface Figures extends Counts {
  histories: number
  syncs: number
  cleanings: number
  /** Tables that were copied in a transaction of their own. */
  copies: number
  /** Distinct rows compared. */
  rows: number
  differences: number
}

export function noFigures(): Figures {
  return { histories: 0, syncs: 0, cleanings: 0, copies: 0, statements: 0, refused: 0, rows: 0, differences: 0 }
}

/** Databases in which histories happen, one after another as long as all goes well. */
export interface World extends AsyncDisposable {
  readonly pair: Pair
  /** Owns the slave's tables, and may not set session_replication_role. */
  readonly role: string
  /** The slave as that role. */
  readonly ordinary: ClientConfig
  /** PostgreSQL's major version. */
  readonly version: number
  readonly figures: Figures
  /** SQL that breaks something of the master, once its tables are captured. */
  readonly fault: string | undefined
  /** Histories begun; each has a schema of its own. */
  number: number
}

export async function createWorld(figures: Figures, fault?: string): Promise<World> {
  const pair = await createPair('history')
  const role = await createRole('', [pair.slave])
  await masterInit(pair.master.config, { backends })
  const ordinary = { ...pair.slave.config, user: role.name, password: role.password }
  await pair.slave.query(`grant create, temporary on database "${pair.slave.name}" to "${role.name}"`)
  await slaveInit(ordinary)
  const [row] = await pair.master.query<{ v: number }>(`select current_setting('server_version_num')::int / 10000 as v`)
  return {
    pair,
    role: role.name,
    ordinary,
    version: row?.v ?? 0,
    figures,
    fault,
    number: 0,
    async [Symbol.asyncDispose]() {
      await role[Symbol.asyncDispose]()
      const prepared = await pair.master.query<{ gid: string }>(
        'select gid from pg_prepared_xacts where database = current_database()',
      )
      for (const { gid } of prepared) await pair.master.query(`rollback prepared '${gid}'`)
      await pair[Symbol.asyncDispose]()
    },
  }
}
