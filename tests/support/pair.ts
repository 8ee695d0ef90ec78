import type { TransferResult } from '@rserv/core'
import { masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { compareTable, createDatabase, sharedServer } from '@rserv/test-utils'
import { backend } from '@rserv/trigger-plpgsql'
import type { ClientConfig } from 'pg'
import { expect } from 'vitest'

/** The backend resolver of the tests. */
export const backends = async (): Promise<typeof backend> => backend

/** A master and a slave database. */
export interface Pair extends AsyncDisposable {
  readonly master: TestDatabase
  readonly slave: TestDatabase
  sync(): Promise<TransferResult>
  /** Replicates, then expects the tables to be equal, byte for byte in text form. */
  syncAndCompare(...tables: string[]): Promise<TransferResult>
  expectEqual(...tables: string[]): Promise<void>
}

/** Servers other than the shared one. */
export interface PairServers {
  readonly master?: ClientConfig
  readonly slave?: ClientConfig
}

export async function createPair(label = 'pair', servers: PairServers = {}): Promise<Pair> {
  const master = await createDatabase({ label: `${label}_m`, server: servers.master ?? sharedServer() })
  const slave = await createDatabase({ label: `${label}_s`, server: servers.slave ?? sharedServer() })
  const expectEqual = async (...tables: string[]): Promise<void> => {
    for (const table of tables) {
      const difference = await compareTable(master, slave, table)
      expect(difference, `table ${table}`).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
    }
  }
  const sync = (): Promise<TransferResult> => replicate(master.config, slave.config)
  return {
    master,
    slave,
    sync,
    expectEqual,
    async syncAndCompare(...tables) {
      const result = await sync()
      await expectEqual(...tables)
      return result
    },
    async [Symbol.asyncDispose]() {
      await master[Symbol.asyncDispose]()
      await slave[Symbol.asyncDispose]()
    },
  }
}

/** Runs `ddl` on both sides, sets replication of the tables (default: all) up, and syncs once. */
export async function replicatedPair(
  ddl: string,
  options: { tables?: string[]; slaveDdl?: string; label?: string; servers?: PairServers } = {},
): Promise<Pair> {
  const pair = await createPair(options.label, options.servers)
  await pair.master.query(ddl)
  await pair.slave.query(options.slaveDdl ?? ddl)
  await masterInit(pair.master.config, { backends })
  await slaveInit(pair.slave.config)
  const which = options.tables ? { tables: options.tables } : { tables: [], all: true }
  await masterAddTables(pair.master.config, { ...which, backends })
  await slaveAddTables(pair.slave.config, which)
  await pair.sync()
  return pair
}
