import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'

/** A snapshot file's frames, packed and sealed again. */
export function pack(frames: Buffer): Buffer {
  const packed = gzipSync(frames)
  return Buffer.concat([packed, createHash('sha256').update(packed).digest()])
}

/** The frames of a snapshot file. */
export function unpack(file: Buffer): Buffer {
  return gunzipSync(file.subarray(0, -32))
}
