import { chmodSync, chownSync, copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { runCli } from '@rserv/test-utils'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A certificate for the host name localhost, signed by itself. */
const CERTIFICATE = fileURLToPath(new URL('fixtures/localhost.crt', import.meta.url))
const KEY = fileURLToPath(new URL('fixtures/localhost.key', import.meta.url))

let home: string
let server: Server

/** A server that takes nothing but TLS. */
beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'rserv-tls-'))
  chmodSync(home, 0o711)
  server = await startServer({ dir: join(home, 'server') })
  await server.stop('fast', { keepFolder: true })
  const { uid, gid } = statSync(server.dataDir)
  for (const [file, name] of [
    [CERTIFICATE, 'server.crt'],
    [KEY, 'server.key'],
  ] as const) {
    copyFileSync(file, join(server.dataDir, name))
    chownSync(join(server.dataDir, name), uid, gid)
    chmodSync(join(server.dataDir, name), 0o600)
  }
  writeFileSync(join(server.dataDir, 'postgresql.auto.conf'), 'ssl = on\n')
  writeFileSync(join(server.dataDir, 'pg_hba.conf'), 'hostssl all all 127.0.0.1/32 scram-sha-256\n')
  await server.start()
})
afterAll(async () => {
  await server.stop()
  rmSync(home, { recursive: true })
})

const HERE = 'host=127.0.0.1'
const NAMED = 'host=localhost hostaddr=127.0.0.1'
const ROOT = `sslrootcert='${CERTIFICATE}'`

test.each([
  [0, HERE],
  [0, `${HERE} sslmode=allow`],
  [0, `${HERE} sslmode=require`],
  [0, `${HERE} sslmode=require channel_binding=require`],
  [0, `${HERE} sslmode=require ${ROOT}`],
  [0, `${HERE} sslmode=verify-ca ${ROOT}`],
  [0, `${NAMED} sslmode=verify-full ${ROOT}`],
  [1, `${HERE} sslmode=disable`],
  [1, `${HERE} sslmode=verify-full ${ROOT}`],
  [1, `${HERE} sslmode=verify-ca`],
  [1, `${NAMED} sslmode=verify-full`],
  [1, `${NAMED} sslrootcert=system`],
])('exit code %i: %s', async (code, parameters) => {
  const { port, user, password } = server
  const database = `dbname=postgres port=${port} user=${user} password=${password} ${parameters}`
  const run = await runCli(['slave-init', database], { env: { HOME: home } })
  expect(run, `slave-init: ${run.stderr}`).toMatchObject({ code })
})
