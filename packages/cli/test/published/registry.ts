import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url))
/** Packages that are published; all of the workspace's that are not private. */
const PUBLISHED = ['core', 'trigger-plpgsql', 'trigger-plv8', 'embedded', 'test-utils', 'service', 'web', 'cli']

interface Manifest {
  readonly name: string
  readonly version: string
}

interface Packed {
  readonly manifest: Manifest
  readonly file: string
}

/** The workspace's packages as npm would give them out, packed anew; other packages come from npm's own registry. */
export interface Registry extends AsyncDisposable {
  /** Lines for an .npmrc. */
  readonly settings: string
}

export async function startRegistry(): Promise<Registry> {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-packed-'))
  const packed = PUBLISHED.map((name) => pack(name, folder))
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '')
    const file = packed.find((one) => path === `/files/${basename(one.file)}`)
    if (file) return response.end(readFileSync(file.file))
    const known = packed.find(({ manifest }) => path === `/${manifest.name}`)
    if (!known) return response.writeHead(404).end('{}')
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify(packument(known, `http://${request.headers.host}`)))
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    settings: `@rserv:registry=http://127.0.0.1:${port}/\n`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => void server.close(resolve))
      rmSync(folder, { recursive: true })
    },
  }
}

function pack(name: string, folder: string): Packed {
  const into = mkdtempSync(join(folder, 'pack-'))
  execFileSync('pnpm', ['pack', '--pack-destination', into], { cwd: join(PACKAGES, name), stdio: 'pipe' })
  const file = join(into, readdirSync(into)[0] ?? '')
  const manifest = execFileSync('tar', ['-xzOf', file, 'package/package.json'], { encoding: 'utf8' })
  return { manifest: JSON.parse(manifest) as Manifest, file }
}

function packument({ manifest, file }: Packed, origin: string): unknown {
  const integrity = `sha512-${createHash('sha512').update(readFileSync(file)).digest('base64')}`
  const dist = { tarball: `${origin}/files/${basename(file)}`, integrity }
  const { name, version } = manifest
  return { name, 'dist-tags': { latest: version }, versions: { [version]: { ...manifest, dist } } }
}
