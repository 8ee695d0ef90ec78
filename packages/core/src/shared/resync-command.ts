import type { QualifiedName } from './names.ts'
import { displayName } from './names.ts'

/** The databases of a transfer, by name. */
export interface DatabaseNames {
  readonly master: string
  readonly slave: string
}

/** The command that starts a table, or without one a whole slave, anew: for hints. */
export function resyncCommand({ master, slave }: DatabaseNames, table?: QualifiedName): string {
  const words = ['rserv', 'resync', master, slave, ...(table ? [displayName(table)] : [])]
  return words.map(shellWord).join(' ')
}

/** A word as a POSIX shell takes it literally. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
