import { uninstall } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { count } from '../output.ts'

export const uninstallCommand: Command = {
  name: 'uninstall',
  summary: 'remove rserv from a database: triggers, logs, bookkeeping',
  details: `Triggers and functions go table by table, then the schema rserv. Your tables and rows stay.`,
  arguments: [{ name: '<db>', help: 'a master or a slave' }],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['uninstall shop'],
  async run({ args, common, backends, database }) {
    const result = await uninstall(await database(args[0]), { ...common, backends })
    return { json: result, text: `rserv removed; ${count(result.removedTables, 'table')} had been captured` }
  },
}
