import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { TransferMode } from '../../changes/wanted.ts'
import { sqlError } from '../../database/server-errors.ts'
import { RservError } from '../../shared/errors.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { Transfer } from '../transfer.ts'
import { formatOf, FRAME, FrameWriter } from './frames.ts'
import { seal } from './seal.ts'

export interface WrittenTable {
  readonly table: QualifiedName
  readonly mode: TransferMode
  readonly rows: number
}

/**
 * Writes a transfer as a snapshot file. The source is made durable before the file's end is written, so a whole file
 * never holds rows that the source could still lose.
 */
export async function writeTransfer(transfer: Transfer, output: NodeJS.WritableStream): Promise<WrittenTable[]> {
  const written: WrittenTable[] = []
  const frames = Readable.from(encodeTransfer(transfer, written), { objectMode: false })
  try {
    await pipeline(frames, createGzip({ level: 3 }), seal(), output)
  } catch (error) {
    // What the source raises is wrapped; a system call that fails is the output's.
    if (error instanceof RservError || !('syscall' in Object(error))) throw error
    throw new RservError('BAD_ARGUMENT', `the snapshot file cannot be written: ${(error as Error).message}`, {
      hint: 'Is there space, and does the reader of a pipe still read?',
      cause: error,
    })
  }
  return written
}

async function* encodeTransfer(transfer: Transfer, written: WrittenTable[]): AsyncGenerator<Buffer> {
  const writer = new FrameWriter()
  yield writer.json(FRAME.header, { format: formatOf(transfer.header), ...transfer.header })
  for await (const section of transfer.sections()) {
    const { tableId, table, mode } = section.table
    yield writer.json(FRAME.section, { tableId })
    try {
      for await (const chunk of section.data) yield* writer.data(chunk as Buffer)
    } catch (error) {
      throw sqlError(error, 'master')
    }
    yield writer.json(FRAME.end, { rows: section.rowCount() })
    written.push({ table, mode, rows: section.rowCount() })
  }
  yield writer.json(FRAME.trailer, await transfer.finish())
  yield writer.checksum()
}
