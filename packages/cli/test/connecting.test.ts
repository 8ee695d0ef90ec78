import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, createRole, runCli } from '@rserv/test-utils'
import { afterAll, beforeAll, expect, test } from 'vitest'

let home: string
let database: TestDatabase
let role: { name: string; password: string } & AsyncDisposable

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rserv-home-'))
  database = await createDatabase({ label: 'connecting' })
  role = await createRole('', [database])
  await database.query(`alter role "${role.name}" password '${PASSWORD.replaceAll("'", "''")}'`)
  await database.query(`grant create on database "${database.name}" to "${role.name}"`)
})
afterAll(async () => {
  await database[Symbol.asyncDispose]()
  await role[Symbol.asyncDispose]()
  rmSync(home, { recursive: true })
})

/** With everything that needs care somewhere. */
const PASSWORD = `p:a\\s%20s@/'w ord`

/** slave-init, as the role, by these arguments and this environment only. */
async function connects(argument: string, env: Record<string, string> = {}, flags: string[] = []): Promise<void> {
  const run = await runCli(['slave-init', argument, ...flags], { env: { HOME: home, ...env } })
  expect(run, `${argument}: ${run.stderr}`).toMatchObject({ code: 0 })
  const [row] = await database.query('select nspowner::regrole::text as owner from pg_namespace where nspname = $1', [
    'rserv',
  ])
  expect(row).toEqual({ owner: role.name })
  await database.query('drop schema rserv cascade')
}

const host = (): string => String(database.config.host)
const port = (): string => String(database.config.port)

test('by a URI', async () => {
  const uri = `postgresql://${role.name}:${encodeURIComponent(PASSWORD)}@${host()}:${port()}/${database.name}`
  await connects(uri)
  await connects(`${uri}?application_name=me&sslmode=prefer`)
})

test('by a libpq string', async () => {
  const quoted = PASSWORD.replaceAll(/[\\']/g, '\\$&')
  await connects(`host=${host()} port=${port()} user='${role.name}' password='${quoted}' dbname = '${database.name}'`)
})

test('by a name with flags, and by a name with PG* variables', async () => {
  const { name } = database
  await connects(name, { PGPASSWORD: PASSWORD }, ['--host', host(), '--port', port(), '--user', role.name])
  await connects(name, {}, ['--host', host(), '--port', port(), '--user', role.name, '--password', PASSWORD])
  await connects(name, { PGHOST: host(), PGPORT: port(), PGUSER: role.name, PGPASSWORD: PASSWORD })
})

test('with the password from ~/.pgpass, or PGPASSFILE', async () => {
  const line = `${host()}:${port()}:*:${role.name}:${PASSWORD.replaceAll(/[\\:]/g, '\\$&')}\n`
  const uri = `postgres://${role.name}@${host()}:${port()}/${database.name}`
  const other = join(home, 'passwords')
  writeFileSync(other, line, { mode: 0o600 })
  await connects(uri, { PGPASSFILE: other })
  writeFileSync(join(home, '.pgpass'), `# mine\n${line}`, { mode: 0o600 })
  await connects(uri)
  rmSync(join(home, '.pgpass'))
  expect(await runCli(['slave-init', uri], { env: { HOME: home } })).toMatchObject({ code: 1 })
})

test('by a service', async () => {
  const lines = [
    `host=${host()}`,
    `port=${port()}`,
    `user=${role.name}`,
    `password=${PASSWORD}`,
    `dbname=${database.name}`,
  ]
  writeFileSync(join(home, '.pg_service.conf'), ['[berlin]', ...lines, ''].join('\n'))
  await connects('service=berlin')
  await connects(database.name, { PGSERVICE: 'berlin' })
})

test('PGOPTIONS and PGAPPNAME reach the server, and settings there do not matter', async () => {
  const uri = `postgres://${role.name}:${encodeURIComponent(PASSWORD)}@${host()}:${port()}/${database.name}`
  await connects(uri, {
    PGOPTIONS: '-c datestyle=German -c search_path=nowhere',
    PGAPPNAME: 'me',
    PGCLIENTENCODING: 'LATIN1',
  })
})
