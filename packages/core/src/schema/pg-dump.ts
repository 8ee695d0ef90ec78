import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { codeOf, RservError } from '../shared/errors.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteName } from '../shared/names.ts'

const run = promisify(execFile)

/** Bytes of SQL that a program may print. */
const MOST_OUTPUT = 512 * 1024 * 1024

/** PostgreSQL's own pg_dump, with pg_restore beside it. */
export interface PgDump {
  /** Path of pg_dump; default: found on PATH. */
  readonly program?: string | undefined
  /** Environment of the program: libpq's variables say how to connect, with the password, which is never an argument. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface DumpRequest {
  /** The server's major version; pg_dump must not be older. */
  readonly major: number
  /** Tables, and partitions each by its name. */
  readonly tables: readonly QualifiedName[]
  /** Is an object of the dump wanted? By the OIDs of its catalog and of itself, and its kind as pg_dump names it. */
  readonly wanted: (object: DumpedObject) => boolean
  readonly signal?: AbortSignal | undefined
}

interface DumpedObject {
  /** 0 for what has no entry of its own. */
  readonly catalogOid: number
  readonly oid: number
  /** What follows the OIDs: kind, schema, name and owner, separated by spaces. */
  readonly text: string
}

/**
 * SQL that creates tables with their columns, defaults, owned sequences, constraints and indexes, in an order
 * that works; without owners, privileges, comments and tablespaces.
 * @throws RservError SCHEMA
 */
export async function dumpTables(dump: PgDump, request: DumpRequest): Promise<string> {
  const { major, tables, wanted, signal } = request
  const pgDump = dump.program ?? 'pg_dump'
  const pgRestore = dump.program?.includes('/') ? join(dirname(dump.program), 'pg_restore') : 'pg_restore'
  const call = (program: string, args: string[]): Promise<string> =>
    callProgram(program, args, { env: dump.env, signal })
  const version = /(\d+)\.?\d*/.exec(await call(pgDump, ['--version']))?.[1]
  if (Number(version) < major) throw tooOld(pgDump, Number(version), major)
  const folder = await mkdtemp(join(tmpdir(), 'rserv-schema-'))
  try {
    const [archive, list] = [join(folder, 'archive'), join(folder, 'list')]
    const names = tables.flatMap((table) => ['--table', quoteName(table)])
    const leave = ['--no-owner', '--no-privileges', '--no-tablespaces']
    const options = ['--no-password', '--encoding=UTF8', '--no-comments', '--no-security-labels']
    await call(pgDump, ['--format=custom', '--schema-only', ...leave, ...options, ...names, '--file', archive])
    const contents = await call(pgRestore, ['--list', archive])
    await writeFile(
      list,
      contents
        .split('\n')
        .filter((line) => isWanted(line, wanted))
        .join('\n'),
    )
    return plainSql(await call(pgRestore, ['--use-list', list, ...leave, '--file', '-', archive]))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** `217; 1259 16390 TABLE public t owner`; comments begin with a semicolon. */
function isWanted(line: string, wanted: DumpRequest['wanted']): boolean {
  const [, catalogOid, oid, text] = /^\d+; (\d+) (\d+) (.*)$/.exec(line) ?? []
  return text !== undefined && wanted({ catalogOid: Number(catalogOid), oid: Number(oid), text })
}

/** Newer versions put what follows between two commands of psql, with a key that nobody knows before. */
function plainSql(script: string): string {
  const key = /^\\restrict (\w+)$/m.exec(script)?.[1]
  if (key === undefined) return script
  const commands = new Set([`\\restrict ${key}`, `\\unrestrict ${key}`])
  return script
    .split('\n')
    .filter((line) => !commands.has(line))
    .join('\n')
}

async function callProgram(
  program: string,
  args: readonly string[],
  { env, signal }: { env: PgDump['env']; signal: AbortSignal | undefined },
): Promise<string> {
  try {
    const options = { env: { ...env, LC_ALL: 'C' }, maxBuffer: MOST_OUTPUT, ...(signal ? { signal } : {}) }
    const { stdout } = await run(program, args, options)
    return stdout
  } catch (error) {
    if (signal?.aborted) throw new RservError('CANCELLED', 'cancelled; nothing was created', { cause: error })
    throw ['ENOENT', 'EACCES'].includes(codeOf(error) ?? '') ? notFound(program, error) : failed(program, error)
  }
}

function notFound(program: string, cause: unknown): RservError {
  return new RservError('SCHEMA', `${program} is not there, or cannot be run`, {
    hint: 'Install the client programs of PostgreSQL (postgresql-client), or say where pg_dump is: --pg-dump, or RSERV_PG_DUMP.',
    cause,
  })
}

function tooOld(program: string, version: number, major: number): RservError {
  return new RservError('SCHEMA', `${program} is of version ${version}, the master of version ${major}`, {
    hint: `pg_dump must not be older than the master's server: install version ${major} or newer, and name it with --pg-dump.`,
  })
}

function failed(program: string, cause: unknown): RservError {
  const { stderr } = cause as { stderr?: unknown }
  const said = typeof stderr === 'string' ? stderr.trim() : ''
  return new RservError('SCHEMA', `${program} failed${said ? `: ${said}` : ''}`, {
    side: 'master',
    hint: 'Nothing was created. The role needs SELECT on the tables.',
    cause,
  })
}
