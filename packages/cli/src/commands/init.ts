import type { InitResult } from '@rserv/core'
import { masterInit, slaveInit } from '@rserv/core'
import type { Command, Outcome } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { text } from '../values.ts'

function describe(result: InitResult): Outcome {
  const { database, role, schemaVersion, previousVersion } = result
  const how =
    previousVersion === null
      ? `set up as a ${role}`
      : previousVersion < schemaVersion
        ? `upgraded from schema version ${previousVersion} to ${schemaVersion}`
        : `set up as a ${role}; the rserv schema was there`
  return { json: result, text: `${database}: ${how} (node ${result.nodeId})` }
}

export const masterInitCommand: Command = {
  name: 'master-init',
  historic: 'MasterInit',
  summary: 'create or upgrade the rserv schema of a master',
  arguments: [{ name: '<masterdb>', help: 'name, postgres:// URI or libpq string' }],
  options: ['backend', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-init shop', 'master-init postgres://repl@db1/shop --backend plpgsql'],
  async run({ args, options, common, backends, database }) {
    return describe(
      await masterInit(await database(args[0]), { ...common, backend: text(options, 'backend'), backends }),
    )
  },
}

export const slaveInitCommand: Command = {
  name: 'slave-init',
  historic: 'SlaveInit',
  summary: 'create or upgrade the rserv schema of a slave',
  arguments: [{ name: '<slavedb>', help: 'name, postgres:// URI or libpq string' }],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['slave-init shop_copy', "slave-init 'host=db2 dbname=shop'"],
  async run({ args, common, database }) {
    return describe(await slaveInit(await database(args[0]), common))
  },
}
