import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const CACHE = join(import.meta.dirname, '../../node_modules/.cache/postgresql/usr/lib/postgresql')

export interface Resetwal {
  /** Servers of this major version only. */
  readonly major: number
  readonly file: string
}

/** pg_resetwal, of the newest version that there is; scripts/test-tools.mjs gets it where it can. */
export function findResetwal(): Resetwal | undefined {
  const majors = [18, 17, 16, 15, 14]
  const all = ['/usr/lib/postgresql', CACHE].flatMap((folder) =>
    majors.map((major) => ({ major, file: join(folder, String(major), 'bin', 'pg_resetwal') })),
  )
  return all.find(({ file }) => existsSync(file))
}

/** Sets the next transaction id, with its epoch, of a server that was stopped cleanly. */
export function setNextXid({ file }: Resetwal, dataDir: string, { epoch, xid }: { epoch: number; xid: number }): void {
  const { uid, gid } = statSync(dataDir)
  execFileSync(file, ['-f', '-e', String(epoch), '-x', String(xid), '-D', dataDir], {
    uid,
    gid,
    stdio: 'pipe',
    cwd: '/',
  })
}
