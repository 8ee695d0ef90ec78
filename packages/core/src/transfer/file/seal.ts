import { createHash } from 'node:crypto'
import { Transform } from 'node:stream'
import { badSnapshot } from './frames.ts'

/** Bytes of the seal at the end of a file: SHA-256 of all bytes before it. */
const SEAL_BYTES = 32

/**
 * Appends the seal. The frames have a checksum of their own, but gzip has bits that it does not look at itself: in its
 * header, and those that fill the last byte up.
 */
export function seal(): Transform {
  const hash = createHash('sha256')
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
    flush(done) {
      done(null, hash.digest())
    },
  })
}

/** Takes the seal off; ends with BAD_SNAPSHOT where it is wrong. */
export function unseal(): Transform {
  const hash = createHash('sha256')
  let last: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const all = Buffer.concat([last, chunk])
      const sealed = all.subarray(0, Math.max(0, all.length - SEAL_BYTES))
      last = all.subarray(sealed.length)
      hash.update(sealed)
      done(null, sealed)
    },
    flush(done) {
      done(hash.digest().equals(last) ? null : badSnapshot('it was cut short or changed: its seal is wrong'))
    },
  })
}
