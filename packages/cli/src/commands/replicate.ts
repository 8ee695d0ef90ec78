import { resolve } from 'node:path'
import { replicate } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { text, whole } from '../values.ts'
import { describeTransfer } from './describe-transfer.ts'
import { replicateThroughFile } from './replicate-through-file.ts'

export const replicateCommand: Command = {
  name: 'replicate',
  historic: 'Replicate',
  summary: "bring a slave to the master's current state",
  details:
    `All changes since the slave's position travel from one snapshot of the master, and are applied in one transaction. ` +
    `New tables are copied: small ones along with it, large ones before, several at once, each in a transaction of its own, ` +
    `so that a copy which was cut goes on with the tables that are not there yet. ` +
    `With --snapshot they go through a file, which is removed afterwards unless --debug is given.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave' },
  ],
  options: ['server', 'jobs', 'snapshot', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['replicate shop shop_copy', 'replicate postgres://repl@db1/shop postgres://repl@db2/shop --server berlin'],
  async run(call) {
    const { args, options, common, context, side } = call
    const master = await side('master', args[0])
    const slave = await side('slave', args[1])
    const file = text(options, 'snapshot')
    if (file !== undefined) return replicateThroughFile(call, { master, slave, file: resolve(context.cwd, file) })
    return describeTransfer(
      await replicate(master, slave, { ...common, server: text(options, 'server'), jobs: whole(options, 'jobs') }),
    )
  },
}
