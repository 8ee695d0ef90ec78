import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { TransferResult } from '@rserv/core'
import { applySnapshot, displayName, masterSync, prepareSnapshot, replicate } from '@rserv/core'
import type { Call, Command, Outcome } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { writeSafely } from '../safe-file.ts'
import { flag, text } from '../values.ts'

export const replicateCommand: Command = {
  name: 'replicate',
  historic: 'Replicate',
  summary: "bring a slave to the master's current state",
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave' },
  ],
  options: ['server', 'snapshot', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['replicate shop shop_copy', 'replicate postgres://repl@db1/shop postgres://repl@db2/shop --server berlin'],
  async run(call) {
    const { args, options, common, side } = call
    const master = await side('master', args[0])
    const slave = await side('slave', args[1])
    const file = text(options, 'snapshot')
    if (file === undefined)
      return describeTransfer(await replicate(master, slave, { ...common, server: text(options, 'server') }))
    return throughFile(call, { master, slave, file: resolve(call.context.cwd, file) })
  },
}

/** What the original always did: prepare a file, apply it, register it, remove it. */
async function throughFile(
  { options, common }: Call,
  {
    master,
    slave,
    file,
  }: { master: Parameters<typeof replicate>[0]; slave: Parameters<typeof replicate>[1]; file: string },
): Promise<Outcome> {
  const prepared = await writeSafely(file, async (output) => {
    const result = await prepareSnapshot(master, output, { ...common, server: text(options, 'server') })
    return { result, keep: result.outcome === 'written' }
  })
  if (prepared.outcome === 'in-sync') {
    return { json: { ...prepared, tables: [] }, text: `Sync-ed: slave ${prepared.server} has all changes` }
  }
  const applied = await applySnapshot(slave, createReadStream(file), common)
  if (applied.syncId !== null) await masterSync(master, BigInt(applied.syncId), common)
  if (!flag(options, 'debug')) await rm(file)
  return describeTransfer(applied)
}

export function describeTransfer(result: TransferResult): Outcome {
  if (result.outcome === 'in-sync') {
    return { json: result, text: `Sync-ed: slave ${result.server} has all changes (SyncID ${result.syncId ?? 'none'})` }
  }
  if (result.outcome === 'already-applied') {
    return { json: result, text: `Sync-ed to ID ${result.syncId}: the snapshot brings nothing new` }
  }
  const lines = result.tables.map(({ table, mode, written, deleted }) =>
    mode === 'copy'
      ? `  ${displayName(table)}: ${count(written, 'row')} copied`
      : `  ${displayName(table)}: ${count(written, 'row')} written, ${deleted} deleted`,
  )
  const head = `Slave ${result.server} is at SyncID ${result.syncId} (${(result.elapsedMs / 1000).toFixed(2)} s)`
  return { json: result, text: [head, ...lines].join('\n') }
}
