import { displayName, resync } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { flag } from '../values.ts'

export const resyncCommand: Command = {
  name: 'resync',
  summary: 'let the next transfer copy tables, or a whole slave, anew',
  details:
    `For a slave that was restored or cloned, whose log was cleaned too far, or whose table lost its capture (which is ` +
    `then installed anew; the table's other slaves must be resynced as well). The slave keeps its rows until the copy ` +
    `replaces them in one transaction; the application goes on writing. Without tables the slave also forgets its ` +
    `position. To find and mend single rows use verify --repair.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave' },
    { name: '[tables...]', help: "tables or patterns such as 'sales.*'; default all" },
  ],
  options: ['clone', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['resync shop shop_copy orders', 'resync shop shop_copy', 'resync shop shop_clone --clone'],
  async run({ args, options, common, backends, side }) {
    const master = await side('master', args[0])
    const slave = await side('slave', args[1])
    const tables = args.slice(2).filter((name) => name !== undefined)
    const result = await resync(master, slave, { ...common, backends, tables, clone: flag(options, 'clone') })
    const lines = result.tables.map(
      ({ table, recaptured }) =>
        `${displayName(table)}: ${recaptured ? 'captured anew; ' : ''}the next transfer copies it`,
    )
    if (flag(options, 'clone')) lines.push(`${result.slave} is node ${result.nodeId} now`)
    return { json: result, text: lines.length === 0 ? 'No table is registered: nothing to copy' : lines.join('\n') }
  },
}
