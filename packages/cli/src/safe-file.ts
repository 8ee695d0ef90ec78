import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Writable } from 'node:stream'

/**
 * Writes a file under a temporary name beside it, readable by its owner only, and renames it when it is whole. On
 * failure, or when `keep` is false, nothing is left and an older file stays.
 */
export async function writeSafely<T>(
  file: string,
  write: (output: Writable) => Promise<{ result: T; keep: boolean }>,
): Promise<T> {
  const temporary = `${file}.${process.pid}.part`
  const output = createWriteStream(temporary, { mode: 0o600, flags: 'wx' })
  // The writer sees the error through its pipeline; without a listener it would end the process.
  output.on('error', () => undefined)
  try {
    const { result, keep } = await write(output)
    if (keep) await rename(temporary, file)
    return result
  } finally {
    output.destroy()
    await rm(temporary, { force: true })
  }
}
