import { createHash } from 'node:crypto'
import { RservError } from '../../shared/errors.ts'

/**
 * A snapshot file is a gzip stream of frames: one byte of type, four bytes of length (big-endian), then the payload.
 * The last frame carries the SHA-256 of all frames before it, so a damaged or shortened file is known before the
 * transaction that applies it is committed. docs/reference/snapshot-format.md describes it.
 */
export const FRAME = {
  /** JSON: format and header. The first frame. */
  header: 0x48,
  /** JSON: the table whose rows follow. */
  section: 0x53,
  /** Bytes in COPY text format, cut anywhere. */
  data: 0x44,
  /** JSON: number of rows in the section. */
  end: 0x45,
  /** JSON: sequences. */
  trailer: 0x54,
  /** SHA-256, 32 bytes. The last frame. */
  checksum: 0x5a,
} as const

export type FrameType = (typeof FRAME)[keyof typeof FRAME]

export interface Frame {
  readonly type: number
  readonly payload: Buffer
}

/** The newest version of the format that this program reads. A file without a script is of the version before. */
export const FORMAT = 2

/** The version to write: the oldest one that has what the file needs. */
export function formatOf({ script }: { readonly script?: unknown }): number {
  return script === undefined ? 1 : FORMAT
}

const HEAD_BYTES = 5
const MAX_DATA_BYTES = 1024 * 1024
/** A longer payload is damage, not data: it must not be allocated. */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024

/** Encodes frames and keeps their checksum. */
export class FrameWriter {
  readonly #hash = createHash('sha256')

  json(type: FrameType, value: unknown): Buffer {
    return this.#frame(type, Buffer.from(JSON.stringify(value), 'utf8'))
  }

  /** One or more frames; a chunk of COPY may be a row of a gigabyte. */
  *data(chunk: Buffer): Generator<Buffer> {
    for (let start = 0; start < chunk.length; start += MAX_DATA_BYTES) {
      yield this.#frame(FRAME.data, chunk.subarray(start, start + MAX_DATA_BYTES))
    }
  }

  checksum(): Buffer {
    return encode(FRAME.checksum, this.#hash.digest())
  }

  #frame(type: FrameType, payload: Buffer): Buffer {
    const frame = encode(type, payload)
    this.#hash.update(frame)
    return frame
  }
}

function encode(type: FrameType, payload: Buffer): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  head.writeUInt8(type, 0)
  head.writeUInt32BE(payload.length, 1)
  return Buffer.concat([head, payload])
}

/** Decodes frames and verifies the checksum when it comes to it. */
export class FrameReader {
  readonly #hash = createHash('sha256')
  readonly #input: AsyncIterator<Buffer>
  #buffered: Buffer = Buffer.alloc(0)
  #verified = false
  /** Rows that were refused may leave a read under way; two at once would tear the frames apart. */
  #reading: Promise<unknown> = Promise.resolve()

  constructor(input: AsyncIterable<Buffer>) {
    this.#input = input[Symbol.asyncIterator]()
  }

  /** @throws RservError BAD_SNAPSHOT */
  next(): Promise<Frame> {
    const frame = this.#reading.then(() => this.#read())
    this.#reading = frame.catch(() => undefined)
    return frame
  }

  async #read(): Promise<Frame> {
    const head = await this.#take(HEAD_BYTES)
    const length = head.readUInt32BE(1)
    if (length > MAX_PAYLOAD_BYTES) throw badSnapshot('a part of it has an impossible length')
    const payload = await this.#take(length)
    const type = head.readUInt8(0)
    if (type !== FRAME.checksum) this.#hash.update(head).update(payload)
    return { type, payload }
  }

  /** The next frame, which must be of the given type, as JSON. */
  async json(type: FrameType): Promise<unknown> {
    return frameJson(await this.next(), type)
  }

  /** @throws RservError BAD_SNAPSHOT unless the checksum comes next, is right, and is the end */
  async verify(): Promise<void> {
    this.#check(await this.next())
    const more = await this.#pull()
    if (more || this.#buffered.length > 0) throw badSnapshot('something follows its end')
  }

  /**
   * Reads on to the checksum, whatever the frames hold; at once where it was right before.
   * @throws RservError BAD_SNAPSHOT when it is wrong or does not come
   */
  async verifyRest(): Promise<void> {
    while (!this.#verified) {
      const frame = await this.next()
      if (frame.type === FRAME.checksum) this.#check(frame)
    }
  }

  #check(frame: Frame): void {
    const right = frame.type === FRAME.checksum && frame.payload.equals(this.#hash.digest())
    if (!right) throw badSnapshot('its checksum is wrong')
    this.#verified = true
  }

  async #take(bytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [this.#buffered]
    let have = this.#buffered.length
    while (have < bytes) {
      const chunk = await this.#pull()
      if (!chunk) throw badSnapshot('it ends too early')
      chunks.push(chunk)
      have += chunk.length
    }
    const all = chunks.length === 1 ? this.#buffered : Buffer.concat(chunks)
    this.#buffered = all.subarray(bytes)
    return all.subarray(0, bytes)
  }

  async #pull(): Promise<Buffer | undefined> {
    try {
      const { value, done } = await this.#input.next()
      return done ? undefined : value
    } catch (error) {
      if (error instanceof RservError) throw error
      throw badSnapshot('it cannot be decompressed or read', error)
    }
  }
}

/** The JSON of a frame, which must be of the given type. */
export function frameJson(frame: Frame, type: FrameType): unknown {
  if (frame.type !== type) throw badSnapshot('its parts are out of order')
  try {
    return JSON.parse(frame.payload.toString('utf8'))
  } catch (error) {
    throw badSnapshot('a part of it cannot be read', error)
  }
}

export function badSnapshot(reason: string, cause?: unknown): RservError {
  return new RservError('BAD_SNAPSHOT', `not a whole snapshot file: ${reason}; nothing was applied`, {
    hint: 'Transfer the file again (as binary), or prepare a new one: rserv prepare-snapshot.',
    cause,
  })
}
