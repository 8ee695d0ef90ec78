import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

interface PgDumpTool {
  readonly path: string
  /** PostgreSQL's major version. */
  readonly major: number
}

const CACHE = fileURLToPath(new URL('../../../node_modules/.cache/postgresql/usr/lib/postgresql', import.meta.url))

/** A pg_dump that runs, with pg_restore beside it: of an installed PostgreSQL, or as scripts/test-tools.mjs got it. */
export function findPgDump(): PgDumpTool | undefined {
  const folders = ['/usr/lib/postgresql', CACHE].flatMap(subfolders)
  for (const folder of folders.toSorted().toReversed()) {
    const path = join(folder, 'bin', 'pg_dump')
    const major = majorOf(path)
    if (major !== undefined && majorOf(join(folder, 'bin', 'pg_restore')) === major) return { path, major }
  }
  return undefined
}

function subfolders(folder: string): string[] {
  try {
    return readdirSync(folder).map((name) => join(folder, name))
  } catch {
    return []
  }
}

function majorOf(program: string): number | undefined {
  try {
    const text = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number(/(\d+)/.exec(text)?.[1])
  } catch {
    return undefined
  }
}
