import { resolve } from 'node:path'
import type { PrepareSnapshotResult } from '@rserv/core'
import { applySnapshot, displayName, prepareSnapshot } from '@rserv/core'
import type { Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { count } from '../output.ts'
import { openForReading, writeSafely } from '../safe-file.ts'
import { list, text } from '../values.ts'
import { describeTransfer } from './describe-transfer.ts'

export const prepareSnapshotCommand: Command = {
  name: 'prepare-snapshot',
  historic: 'PrepareSnapshot',
  summary: 'write the transfer for a slave as a file',
  details:
    `The file holds all changes since the last sync id that the slave confirmed. Apply it with apply-snapshot, then tell ` +
    `the master with master-sync; until then the next file holds the same changes again.`,
  arguments: [{ name: '<masterdb>', help: 'the master' }],
  options: ['server', 'snapshot', 'copy', ...ONE_DATABASE, ...EVERYWHERE],
  examples: [
    'prepare-snapshot shop --server berlin --snapshot berlin.snap',
    'prepare-snapshot shop --server berlin > berlin.snap',
  ],
  async run({ args, options, common, context, database, dataOnStdout }) {
    const file = text(options, 'snapshot')
    if (file === undefined && context.stdout.isTTY) {
      throw new UsageError(
        'a snapshot is binary and not for a terminal',
        'Use --snapshot FILE, or redirect the output.',
      )
    }
    const request = { ...common, server: text(options, 'server'), copy: list(options, 'copy') }
    const stdout = file === undefined ? dataOnStdout() : undefined
    const master = await database(args[0])
    const result = stdout
      ? await prepareSnapshot(master, stdout, request)
      : await writeSafely(resolve(context.cwd, file ?? ''), async (output) => {
          const prepared = await prepareSnapshot(master, output, request)
          return { result: prepared, keep: prepared.outcome === 'written' }
        })
    return describeSnapshot(result, file === undefined ? 'Snapshot dumped to STDOUT' : `Snapshot written to ${file}`)
  },
}

function describeSnapshot(result: PrepareSnapshotResult, where: string): Outcome {
  const { outcome, server, syncId, tables, script } = result
  if (outcome === 'in-sync') {
    return { json: result, text: `Sync-ed: slave ${server} has all changes; nothing was written` }
  }
  const lines = tables.map(({ table, rows }) => `  ${displayName(table)}: ${count(rows, 'row')}`)
  if (script !== null) lines.push(`  ends with script ${script}: apply it and tell master-sync before the next one`)
  return { json: result, text: [`${where} (SyncID ${syncId}, slave ${server})`, ...lines].join('\n') }
}

export const applySnapshotCommand: Command = {
  name: 'apply-snapshot',
  historic: 'ApplySnapshot',
  summary: 'apply such a file to its slave, in one transaction',
  details:
    `A damaged file, or one for another slave or from another position, is refused and changes nothing; one that was ` +
    `applied already changes nothing either.`,
  arguments: [{ name: '<slavedb>', help: 'the slave' }],
  options: ['snapshot', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['apply-snapshot shop_copy --snapshot berlin.snap', 'apply-snapshot shop_copy < berlin.snap'],
  async run({ args, options, common, context, database }) {
    const file = text(options, 'snapshot')
    if (file === undefined && context.stdin.isTTY) {
      throw new UsageError('no snapshot on standard input', 'Use --snapshot FILE, or redirect the input.')
    }
    const input = file === undefined ? context.stdin : await openForReading(resolve(context.cwd, file))
    const slave = await database(args[0])
    return describeTransfer(await applySnapshot(slave, input, common))
  },
}
