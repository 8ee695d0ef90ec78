import { Readable } from 'node:stream'
import { RservError } from '../../shared/errors.ts'
import type { Transfer, TransferHeader, TransferSection, TransferTable, TransferTrailer } from '../transfer.ts'
import type { Frame } from './frames.ts'
import { badSnapshot, FORMAT, formatOf, FRAME, frameJson, FrameReader } from './frames.ts'
import { END, FORMAT_OF, HEADER, SECTION, shaped, TRAILER } from './shape.ts'

export interface FileTransfer extends Transfer {
  /** After its content was refused: is it because the file is damaged? Reads the rest of it. */
  damage(): Promise<RservError | undefined>
}

/**
 * Reads the header of a snapshot file; the rows stream when they are asked for.
 * @throws RservError BAD_SNAPSHOT
 */
export async function readTransfer(file: AsyncIterable<Buffer>): Promise<FileTransfer> {
  const reader = new FrameReader(file)
  const header = checkHeader(await reader.json(FRAME.header))
  const state: { pending: Frame | undefined } = { pending: undefined }
  return {
    header,
    sections: () => readSections(reader, header, state),
    finish: () => readTrailer(reader, state),
    damage: () => damage(reader),
  }
}

function checkHeader(value: unknown): TransferHeader {
  const { format } = shaped(FORMAT_OF, value, 'header')
  if (format > FORMAT) {
    throw new RservError('BAD_SNAPSHOT', `the snapshot file has format ${format}, this program reads ${FORMAT}`, {
      hint: 'Use the newer rserv that made it.',
    })
  }
  const header = shaped(HEADER, value, 'header')
  if (format !== formatOf(header)) throw badSnapshot('its header is of another format')
  return header
}

async function* readSections(
  reader: FrameReader,
  header: TransferHeader,
  state: { pending: Frame | undefined },
): AsyncGenerator<TransferSection> {
  for (;;) {
    const frame = await reader.next()
    if (frame.type === FRAME.trailer) {
      state.pending = frame
      return
    }
    const { tableId } = shaped(SECTION, frameJson(frame, FRAME.section), 'section')
    const table = header.tables.find((candidate) => candidate.tableId === tableId)
    if (!table) throw badSnapshot('it has rows for a table that its header does not name')
    yield readSection(reader, table)
  }
}

function readSection(reader: FrameReader, table: TransferTable): TransferSection {
  let rows = -1
  const data = Readable.from(
    (async function* () {
      for (;;) {
        const frame = await reader.next()
        if (frame.type !== FRAME.data) {
          rows = shaped(END, frameJson(frame, FRAME.end), 'section').rows
          return
        }
        yield frame.payload
      }
    })(),
    { objectMode: false },
  )
  const part = table.mode === 'copy' ? 'rows' : 'mixed'
  return { table, part, binary: false, data, rowCount: () => rows }
}

async function readTrailer(reader: FrameReader, state: { pending: Frame | undefined }): Promise<TransferTrailer> {
  const trailer = frameJson(state.pending ?? (await reader.next()), FRAME.trailer)
  await reader.verify()
  return shaped(TRAILER, trailer, 'trailer')
}

async function damage(reader: FrameReader): Promise<RservError | undefined> {
  try {
    await reader.verifyRest()
    return undefined
  } catch (error) {
    return error instanceof RservError ? error : undefined
  }
}
