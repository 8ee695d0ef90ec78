import { rm } from 'node:fs/promises'
import type { TransferResult } from '@rserv/core'
import { applySnapshot, displayName, getSyncId, masterSync, prepareSnapshot, status, sumTransfers } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Call, Outcome } from '../command.ts'
import { openForReading, writeSafely } from '../safe-file.ts'
import { flag, text } from '../values.ts'
import { describeTransfer } from './describe-transfer.ts'

interface Files {
  readonly master: ClientConfig
  readonly slave: ClientConfig
  readonly file: string
}

/**
 * What the original always did: register the slave's last sync id, prepare a file, apply it, register it, and remove
 * it unless --debug.
 */
export async function replicateThroughFile(
  call: Call,
  files: Files,
  before: readonly TransferResult[] = [],
): Promise<Outcome> {
  const one = await throughOneFile(call, files)
  // A file ends with a script that the slave has to run; the next one goes on from there.
  if (one.scripts.length > 0) return replicateThroughFile(call, files, [...before, one])
  return describeTransfer(sumTransfers([...before, one], one))
}

async function throughOneFile(call: Call, { master, slave, file }: Files): Promise<TransferResult> {
  const { options, common } = call
  const started = performance.now()
  const prepared = await prepare(call, { master, slave, file })
  if (prepared.outcome === 'in-sync') {
    const { server, syncId } = prepared
    const elapsedMs = Math.round(performance.now() - started)
    return { outcome: 'in-sync', syncId, server, tables: [], scripts: [], bytes: 0, elapsedMs }
  }
  try {
    const applied = await applySnapshot(slave, await openForReading(file), common)
    if (applied.syncId !== null) await masterSync(master, BigInt(applied.syncId), common)
    return { ...applied, elapsedMs: Math.round(performance.now() - started) }
  } finally {
    if (!flag(options, 'debug')) await rm(file, { force: true })
  }
}

async function prepare(
  { options, common }: Call,
  { master, slave, file }: Files,
): Promise<Awaited<ReturnType<typeof prepareSnapshot>>> {
  const { nodeId, slaves } = await status(master, [slave], common)
  const seen = slaves[0]
  const last = await getSyncId(slave, common)
  if (last.syncId !== null && last.origin === nodeId) await masterSync(master, BigInt(last.syncId), common)
  const unfilled = seen?.tables.filter((table) => table.state !== 'synced') ?? []
  const request = {
    ...common,
    server: text(options, 'server'),
    slave: seen,
    copy: unfilled.map(({ table }) => displayName(table)),
  }
  return writeSafely(file, async (output) => {
    const result = await prepareSnapshot(master, output, request)
    return { result, keep: result.outcome === 'written' }
  })
}
