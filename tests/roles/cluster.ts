import { keepLog, masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { compareTable, createDatabase } from '@rserv/test-utils'
import { expect } from 'vitest'
import { backends } from '../support/pair.ts'

export interface Cluster extends AsyncDisposable {
  readonly master: TestDatabase
  readonly slaves: readonly TestDatabase[]
}

/** A slave with the tables of `ddl`, that keeps a log. */
export async function addSlave(ddl: string, { keeps = true, label = 'slave' } = {}): Promise<TestDatabase> {
  const slave = await createDatabase({ label })
  await slave.query(ddl)
  await slaveInit(slave.config)
  await slaveAddTables(slave.config, { tables: [], all: true })
  if (keeps) await keepLog(slave.config, { backends })
  return slave
}

/** A master with slaves that keep logs, all synced. */
export async function createCluster(ddl: string, slaves = 2): Promise<Cluster> {
  const master = await createDatabase({ label: 'master' })
  await master.query(ddl)
  await masterInit(master.config, { backends })
  await masterAddTables(master.config, { tables: [], all: true, backends })
  const all: TestDatabase[] = []
  for (let number = 0; number < slaves; number++) {
    const slave = await addSlave(ddl, { label: `slave_${number}` })
    await replicate(master.config, slave.config)
    all.push(slave)
  }
  return {
    master,
    slaves: all,
    async [Symbol.asyncDispose]() {
      for (const database of [master, ...all]) await database[Symbol.asyncDispose]()
    },
  }
}

/** Expects the tables to be equal, byte for byte in text form. */
export async function expectSame(a: TestDatabase, b: TestDatabase, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    expect(await compareTable(a, b, table), `table ${table}`).toEqual({ onlyOnMaster: [], onlyOnSlave: [] })
  }
}
