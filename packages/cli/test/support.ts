import type { CliRun, TestDatabase } from '@rserv/test-utils'
import { createDatabase, runCli } from '@rserv/test-utils'
import { expect } from 'vitest'

export interface CliPair extends AsyncDisposable {
  readonly master: TestDatabase
  readonly slave: TestDatabase
}

/** Two databases with the same tables; rserv is not set up yet. */
export async function databases(ddl: string, slaveDdl = ddl): Promise<CliPair> {
  const master = await createDatabase({ label: 'cli_m' })
  const slave = await createDatabase({ label: 'cli_s' })
  await master.query(ddl)
  await slave.query(slaveDdl)
  return {
    master,
    slave,
    async [Symbol.asyncDispose]() {
      await master[Symbol.asyncDispose]()
      await slave[Symbol.asyncDispose]()
    },
  }
}

/** Runs rserv and expects it to succeed. */
export async function rserv(...args: string[]): Promise<CliRun> {
  const run = await runCli(args)
  expect(run, `${args[0]}: ${run.stderr}`).toMatchObject({ code: 0 })
  return run
}

/** Runs rserv with --json and reads the document. */
export async function rservJson<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const run = await rserv(...args, '--json')
  return JSON.parse(run.stdout) as T
}

/** Sets replication of all tables up through the command line. */
export async function setUp({ master, slave }: CliPair): Promise<void> {
  await rserv('master-init', master.uri)
  await rserv('slave-init', slave.uri)
  await rserv('master-add-table', master.uri, '--all')
  await rserv('slave-add-table', slave.uri, '--all')
}
