import { open, realpath, rename, rm, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { UsageError } from './errors.ts'

/**
 * Writes a file under a temporary name beside it, readable by its owner only, and renames it when it is whole and on
 * disk. On failure, or when `keep` is false, nothing is left and an older file stays. A device or pipe is written as
 * it is.
 * @throws UsageError when it cannot be opened
 */
export async function writeSafely<T>(
  file: string,
  write: (output: Writable) => Promise<{ result: T; keep: boolean }>,
): Promise<T> {
  const target = await realpath(file).catch(() => file)
  const existing = await stat(target).catch(() => undefined)
  if (existing && !existing.isFile()) {
    const { result } = await write((await opened(target, 'w')).createWriteStream())
    return result
  }
  const temporary = `${target}.${process.pid}.part`
  const handle = await opened(temporary, 'wx')
  const output = handle.createWriteStream({ flush: true })
  // The writer sees the error through its pipeline; without a listener it would end the process.
  output.on('error', () => undefined)
  try {
    const { result, keep } = await write(output)
    if (keep) await rename(temporary, target)
    return result
  } finally {
    output.destroy()
    await rm(temporary, { force: true })
  }
}

/** Opens a file for reading at once, so that a wrong name is an error before anything is done. @throws UsageError */
export async function openForReading(file: string): Promise<Readable> {
  return (await opened(file, 'r')).createReadStream()
}

async function opened(file: string, flags: string): Promise<FileHandle> {
  try {
    return await open(file, flags, 0o600)
  } catch (error) {
    throw new UsageError(`file ${file} cannot be opened: ${(error as Error).message}`, 'Check the path and its rights.')
  }
}
