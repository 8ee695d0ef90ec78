import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { podman } from './podman.ts'

/** Where npm in a container finds the certificates of this machine. */
export const CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt'

/**
 * The image that RSERV_TEST_NODE_IMAGE names; without one, which nothing needs to be fetched for, one of this machine's
 * Node.js, npm, shell and libraries, with a user `node` of id 1000 as the official ones have it.
 */
export async function nodeImage(): Promise<string> {
  const given = process.env['RSERV_TEST_NODE_IMAGE']
  if (given) return given
  const root = mkdtempSync(join(tmpdir(), 'rserv-node-image-'))
  try {
    fill(root)
    const tar = spawn('tar', ['-C', root, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] })
    return await podman(['import', '--quiet', '-'], tar.stdout)
  } finally {
    rmSync(root, { recursive: true })
  }
}

function fill(root: string): void {
  for (const folder of ['usr/lib/node_modules', 'usr/bin', 'etc', 'tmp', 'root', 'var/tmp'])
    mkdirSync(join(root, folder), { recursive: true, mode: folder.endsWith('tmp') ? 0o1777 : 0o755 })
  for (const [name, target] of [
    ['bin', 'usr/bin'],
    ['lib', 'usr/lib'],
    ['lib64', 'usr/lib64'],
  ] as const) {
    mkdirSync(join(root, target), { recursive: true })
    symlinkSync(target, join(root, name))
  }
  addProgram(root, 'node', process.execPath)
  addProgram(root, 'sh', which('sh'))
  addProgram(root, 'env', which('env'))
  cpSync(join(npmRoot(), 'npm'), join(root, 'usr/lib/node_modules/npm'), { recursive: true })
  symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/bin/npm'))
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/tmp:/bin/sh\n')
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nnode:x:1000:\n')
  if (existsSync(CERTIFICATES)) cpSync(CERTIFICATES, join(root, CERTIFICATES), { dereference: true })
}

function which(program: string): string {
  return execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim()
}

function npmRoot(): string {
  return execFileSync('npm', ['root', '--global'], { encoding: 'utf8' }).trim()
}

/** With the libraries that it names. */
function addProgram(root: string, name: string, file: string): void {
  const program = realpathSync(file)
  cpSync(program, join(root, 'usr/bin', name))
  const names = execFileSync('ldd', [program], { encoding: 'utf8' }).match(/\/\S+/g) ?? []
  for (const library of names) {
    mkdirSync(join(root, dirname(library)), { recursive: true })
    cpSync(library, join(root, library), { dereference: true })
  }
}
