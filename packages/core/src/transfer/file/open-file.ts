import { createGunzip } from 'node:zlib'
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
