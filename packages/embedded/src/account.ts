import { chownSync, cpSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'

/** Options of spawn that make a child run as somebody else. */
export interface Account {
  readonly uid?: number
  readonly gid?: number
}

const NOBODY = 65534

/** PostgreSQL refuses to run as root: then it runs as `nobody`, else as whoever runs this. */
export function serverAccount(): Account {
  if (process.getuid?.() !== 0) return {}
  const line = existsSync('/etc/passwd')
    ? /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync('/etc/passwd', 'utf8'))
    : null
  return { uid: Number(line?.[1] ?? NOBODY), gid: Number(line?.[2] ?? NOBODY) }
}

/** Hands a folder to the account. */
export function give(path: string, account: Account): void {
  if (account.uid !== undefined) chownSync(path, account.uid, account.gid ?? account.uid)
}

/** Can the account enter the folder? Only asked when it is another one than ours. */
export function canEnter(path: string, account: Account): boolean {
  if (account.uid === undefined) return true
  const { mode, uid } = statSync(path)
  const open = uid === account.uid ? (mode & 0o100) !== 0 : (mode & 0o001) !== 0
  const parent = dirname(path)
  return open && (parent === path || canEnter(parent, account))
}

/** The binaries where the account can read them: copied once to a temporary folder when they lie in a closed one. */
export function readableBinaries(native: string, account: Account): string {
  if (canEnter(native, account)) return native
  const key = createHash('sha256')
    .update(native)
    .update(String(statSync(native).mtimeMs))
    .digest('hex')
    .slice(0, 12)
  const copy = join(tmpdir(), `rserv-postgres-${key}`)
  if (isOurs(copy)) return copy
  const fresh = mkdtempSync(join(tmpdir(), 'rserv-postgres-'))
  cpSync(native, join(fresh, basename(copy)), { recursive: true, verbatimSymlinks: true })
  try {
    renameSync(join(fresh, basename(copy)), copy)
  } catch (error) {
    if (!isOurs(copy)) throw error
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
  return copy
}

/** A folder that somebody else put there must not be run from. */
function isOurs(copy: string): boolean {
  return existsSync(copy) && statSync(copy).uid === process.getuid?.()
}
