import { createReadStream } from 'node:fs'
import { resolve } from 'node:path'
import { applySnapshot, displayName, prepareSnapshot } from '@rserv/core'
import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { count } from '../output.ts'
import { writeSafely } from '../safe-file.ts'
import { list, text } from '../values.ts'
import { describeTransfer } from './replicate.ts'

export const prepareSnapshotCommand: Command = {
  name: 'prepare-snapshot',
  historic: 'PrepareSnapshot',
  summary: 'write the transfer for a slave as a file',
  arguments: [{ name: '<masterdb>', help: 'the master' }],
  options: ['server', 'snapshot', 'copy', ...ONE_DATABASE, ...EVERYWHERE],
  examples: [
    'prepare-snapshot shop --server berlin --snapshot berlin.snap',
    'prepare-snapshot shop --server berlin > berlin.snap',
  ],
  async run({ args, options, common, context, database }) {
    const file = text(options, 'snapshot')
    if (file === undefined && context.stdout.isTTY) {
      throw new UsageError(
        'a snapshot is binary and not for a terminal',
        'Use --snapshot FILE, or redirect the output.',
      )
    }
    const master = await database(args[0])
    const request = { ...common, server: text(options, 'server'), copy: list(options, 'copy') }
    const result =
      file === undefined
        ? await prepareSnapshot(master, context.stdout, request)
        : await writeSafely(resolve(context.cwd, file), async (output) => {
            const prepared = await prepareSnapshot(master, output, request)
            return { result: prepared, keep: prepared.outcome === 'written' }
          })
    const dataOnStdout = file === undefined
    if (result.outcome === 'in-sync') {
      return {
        json: result,
        text: `Sync-ed: slave ${result.server} has all changes; nothing was written`,
        dataOnStdout,
      }
    }
    const lines = result.tables.map(({ table, rows }) => `  ${displayName(table)}: ${count(rows, 'row')}`)
    const where = dataOnStdout ? 'Snapshot dumped to STDOUT' : `Snapshot written to ${file}`
    return {
      json: result,
      text: [`${where} (SyncID ${result.syncId}, slave ${result.server})`, ...lines].join('\n'),
      dataOnStdout,
    }
  },
}

export const applySnapshotCommand: Command = {
  name: 'apply-snapshot',
  historic: 'ApplySnapshot',
  summary: 'apply such a file to its slave, in one transaction',
  arguments: [{ name: '<slavedb>', help: 'the slave' }],
  options: ['snapshot', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['apply-snapshot shop_copy --snapshot berlin.snap', 'apply-snapshot shop_copy < berlin.snap'],
  async run({ args, options, common, context, database }) {
    const file = text(options, 'snapshot')
    const slave = await database(args[0])
    const input = file === undefined ? context.stdin : createReadStream(resolve(context.cwd, file))
    return describeTransfer(await applySnapshot(slave, input, common))
  },
}
