// What `npm run demo` and `npm test` need on a machine that has Node.js and npm only: pnpm, the packages, a build.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WINDOWS = process.platform === 'win32'

const { packageManager } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
const WANTED = packageManager.split('@')[1]

/** Runs a program with our standard streams; ends this process when it fails, unless told not to. */
export function run(program, args, options = {}) {
  const { check = true, env = {}, quiet = false } = options
  const result = spawnSync(program, args, {
    cwd: ROOT,
    stdio: quiet ? ['ignore', 'ignore', 'inherit'] : ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1', ...env },
    shell: WINDOWS,
  })
  if (result.error) console.error(`${program}: ${result.error.message}`)
  const code = result.status ?? 1
  if (check && code !== 0) process.exit(code)
  return code
}

function versionOf(program) {
  const result = spawnSync(program, ['--version'], { cwd: '/', encoding: 'utf8', shell: WINDOWS })
  return result.status === 0 ? result.stdout.trim() : ''
}

/** pnpm of the major version that the lockfile is for: the installed one, else one fetched into this folder. */
function findPnpm() {
  if (versionOf('pnpm').split('.')[0] === WANTED.split('.')[0]) return 'pnpm'
  const folder = join(ROOT, '.tools', 'pnpm')
  const program = join(folder, 'node_modules', '.bin', WINDOWS ? 'pnpm.cmd' : 'pnpm')
  if (!existsSync(program)) {
    console.error(`Fetching pnpm ${WANTED} …`)
    run('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', folder, `pnpm@${WANTED}`])
  }
  // For tools that call it by name.
  process.env.PATH = `${dirname(program)}${delimiter}${process.env.PATH}`
  return program
}

/** Installs what the lockfile says and builds all packages. */
export function setUp() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Node.js 20.19 or newer is needed, this is ${process.versions.node}.`)
    process.exit(1)
  }
  const pnpm = findPnpm()
  run(pnpm, ['install', '--frozen-lockfile', '--prefer-offline', '--reporter=append-only'], { quiet: true })
  run(bin('turbo'), ['run', 'build', '--output-logs=errors-only', '--log-order=grouped'], { quiet: true })
}

/** A program of the workspace's own dependencies. */
export function bin(name) {
  return join(ROOT, 'node_modules', '.bin', WINDOWS ? `${name}.cmd` : name)
}
