// Gets programs that some tests need and the npm packages of PostgreSQL lack: pg_resetwal and pgbouncer. Those that are
// installed are used, else a Debian package is unpacked below node_modules/.cache and not installed.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './workspace.mjs'

const MAJORS = ['18', '17', '16', '15', '14']

/** Each with the places where it may be, relative to its cache too, and the packages to try, one list after another. */
const TOOLS = [
  {
    name: 'postgresql',
    files: MAJORS.map((major) => `usr/lib/postgresql/${major}/bin/pg_resetwal`),
    packages: MAJORS.map((major) => [`postgresql-${major}`]),
  },
  {
    name: 'pgbouncer',
    files: ['usr/sbin/pgbouncer'],
    // With the libraries that it needs and a small machine lacks; their names are those of Debian 12 and 13.
    packages: [
      ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'],
      ['pgbouncer', 'libevent-2.1-7t64', 'libcares2'],
      ['pgbouncer'],
    ],
  },
]

function attempt(cwd, command, args) {
  try {
    execFileSync(command, args, { cwd, stdio: 'ignore', timeout: 120_000 })
    return true
  } catch {
    return false
  }
}

/** Leaves nothing where it cannot be had: then the tests that need it are skipped, and say so. */
function getTool({ name, files, packages }) {
  const cache = join(ROOT, 'node_modules', '.cache', name)
  if (['/', cache].some((folder) => files.some((file) => existsSync(join(folder, file))))) return
  mkdirSync(cache, { recursive: true })
  const download = () => packages.some((names) => attempt(cache, 'apt-get', ['download', ...names]))
  // Where the lists of packages are not there yet.
  if (!download() && !(attempt(cache, 'apt-get', ['update']) && download())) return
  for (const file of readdirSync(cache).filter((one) => one.endsWith('.deb')))
    attempt(cache, 'dpkg-deb', ['-x', file, '.'])
}

export function getTestTools() {
  if (process.platform !== 'linux') return
  for (const tool of TOOLS) getTool(tool)
}
