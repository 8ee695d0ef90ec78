import { masterAddTables, masterInit, slaveAddTables, slaveInit } from '@rserv/core'
import type { Call } from '../command.ts'
import { prepareDatabases } from './databases.ts'
import type { DemoServer } from './server.ts'

/** Makes the demonstration's databases with a table each, and what replicates it; says what it does. */
export async function setUpDemo(
  { context, common, backends }: Call,
  server: DemoServer,
  [masterName, slaveName]: readonly [string, string],
): Promise<void> {
  const say = (line: string): void => void context.stderr.write(`${line}\n`)
  say(`PostgreSQL: ${server.description}`)
  await prepareDatabases(server.config, [masterName, slaveName])
  say(`Databases ${masterName} and ${slaveName}, each with a table test`)
  const [master, slave] = [server.config(masterName), server.config(slaveName)]
  await masterInit(master, { ...common, backends })
  await slaveInit(slave, common)
  await masterAddTables(master, { ...common, tables: ['public.test'], backends })
  await slaveAddTables(slave, { ...common, tables: ['public.test'] })
  say('Replication set up: MasterInit, SlaveInit, MasterAddTable, SlaveAddTable')
}
