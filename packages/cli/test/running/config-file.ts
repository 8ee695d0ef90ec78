import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { masterAddTables, masterInit, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase } from '@rserv/test-utils'
import { backend } from '@rserv/trigger-plpgsql'
import { stringify } from 'yaml'

const backends = async (): Promise<typeof backend> => backend

/** A configuration in a folder of its own. */
export class ConfigFile implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'rserv-config-'))
  readonly path = join(this.folder, 'rserv.yaml')

  constructor(config: object | string) {
    this.write(config)
  }

  write(config: object | string): void {
    writeFileSync(this.path, typeof config === 'string' ? config : stringify(config))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true })
  }
}

/** A database with tables, set up as a master. */
export async function createMaster(ddl: string): Promise<TestDatabase> {
  const master = await createDatabase({ label: 'run_m' })
  await master.query(ddl)
  await masterInit(master.config, { backends })
  await masterAddTables(master.config, { tables: [], all: true, backends })
  return master
}

/** A database with tables, set up as a slave. */
export async function createSlave(ddl: string, server?: TestDatabase['config']): Promise<TestDatabase> {
  const slave = await createDatabase({ label: 'run_s', ...(server && { server }) })
  await slave.query(ddl)
  await slaveInit(slave.config)
  await slaveAddTables(slave.config, { tables: [], all: true })
  return slave
}
