import { createGunzip } from 'node:zlib'
import type { FileTransfer } from './read-file.ts'
import { unseal } from './seal.ts'

/**
 * Begins to decompress a snapshot file. To be called before anything is waited for: a stream that fails while nobody
 * listens would end the process. Whoever reads the bytes gets the error.
 */
export function openFile(input: NodeJS.ReadableStream): AsyncIterable<Buffer> {
  const gunzip = createGunzip()
  const unsealed = unseal()
  gunzip.on('error', () => undefined)
  for (const stream of [input, unsealed]) stream.on('error', (error) => gunzip.destroy(error))
  return input.pipe(unsealed).pipe(gunzip)
}

/**
 * Reads the header of an opened file; the rows stream when they are asked for.
 * @throws RservError BAD_SNAPSHOT
 */
export async function readTransfer(file: AsyncIterable<Buffer>): Promise<FileTransfer> {
  // Loaded late: zod weighs 3.5 MB of heap, which a program that embeds rserv and reads no file need not have. From a
  // file without "await using": the compiler left the name of the module as it was in one that has it.
  const reading = await import('./read-file.ts')
  return reading.readTransfer(file)
}
