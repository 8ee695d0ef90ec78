// Gets pg_resetwal, which the tests of far transaction ids need and the npm packages of PostgreSQL lack: from an installed
// PostgreSQL, else from a Debian package that is unpacked below node_modules/.cache and not installed.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './workspace.mjs'

const CACHE = join(ROOT, 'node_modules', '.cache', 'postgresql')
const MAJORS = ['18', '17', '16', '15', '14']

function present() {
  const folders = ['/usr/lib/postgresql', join(CACHE, 'usr', 'lib', 'postgresql')]
  return MAJORS.some((major) => folders.some((folder) => existsSync(join(folder, major, 'bin', 'pg_resetwal'))))
}

function attempt(command, args) {
  try {
    execFileSync(command, args, { cwd: CACHE, stdio: 'ignore', timeout: 120_000 })
    return true
  } catch {
    return false
  }
}

/** Leaves nothing where it cannot be had: then the tests that need it are skipped, and say so. */
export function getTestTools() {
  if (process.platform !== 'linux' || present()) return
  mkdirSync(CACHE, { recursive: true })
  const download = () => MAJORS.some((major) => attempt('apt-get', ['download', `postgresql-${major}`]))
  // Where the lists of packages are not there yet.
  if (!download() && !(attempt('apt-get', ['update']) && download())) return
  const file = readdirSync(CACHE).find((name) => name.endsWith('.deb'))
  if (file) attempt('dpkg-deb', ['-x', file, '.'])
}
