import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { masterInit } from '@rserv/core'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

/** Both clusters are of one major version: what changes hands is the same as between two. */
const INSTALLATION = [18, 17, 16, 15, 14]
  .map((major) => ({ major, folder: `/usr/lib/postgresql/${major}` }))
  .find(({ folder }) => existsSync(join(folder, 'bin', 'pg_upgrade')))
const missing = INSTALLATION ? '' : ' (skipped: there is no pg_upgrade here)'
/** It does not depend on the version under test: once is enough. */
const why = testMajor() === 18 ? missing : ' (skipped: runs beside PostgreSQL 18 only)'

const TRUST = 'local all all trust\nhost all all 127.0.0.1/32 trust\n'

interface Clusters extends AsyncDisposable {
  readonly old: Server
  /** Stops the old server, upgrades to another cluster, and starts that on the old one's port. */
  upgrade(): Promise<void>
}

async function startClusters(): Promise<Clusters> {
  const { major = 15, folder: installation = '' } = INSTALLATION ?? {}
  const folder = mkdtempSync(join(tmpdir(), 'rserv-upgrade-'))
  chmodSync(folder, 0o755)
  const [before, after] = ['old', 'new'].map((name) => join(folder, name))
  const settings = { fsync: 'off' }
  const old = await startServer({ major, installation, dir: before, settings })
  const account = { uid: statSync(old.dataDir).uid, gid: statSync(old.dataDir).gid }
  if (process.getuid?.() === 0) chownSync(folder, account.uid, account.gid)
  let server: Server = old
  return {
    old,
    async upgrade() {
      await old.stop('fast', { keepFolder: true })
      const fresh = await startServer({ major, installation, dir: after, settings })
      await fresh.stop('fast', { keepFolder: true })
      // It connects to both by itself; each has a password of its own.
      for (const { dataDir } of [old, fresh]) writeFileSync(join(dataDir, 'pg_hba.conf'), TRUST)
      const bin = join(installation, 'bin')
      const args = ['-b', bin, '-B', bin, '-d', old.dataDir, '-D', fresh.dataDir, '-U', 'postgres', '-s', folder]
      execFileSync(join(bin, 'pg_upgrade'), args, {
        ...(process.getuid?.() === 0 ? account : {}),
        cwd: folder,
        env: { ...process.env, LC_ALL: 'C' },
        stdio: 'pipe',
      })
      server = await startServer({ major, installation, dir: after, settings, port: old.port })
    },
    async [Symbol.asyncDispose]() {
      await server.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const T =
  'create table t (id int primary key, v text); create table m (id int primary key, v text) partition by range (id); create table m_1 partition of m default'

/** Changes that the slave has not got yet. */
async function change({ master }: Pair, n: number): Promise<void> {
  await master.query(`insert into t select i, 'v' from generate_series(${n * 100}, ${n * 100 + 50}) i; delete from t where id % 7 = 0;
    update m set v = '${n}' where id % 2 = 0; insert into m values (${n}, 'm')`)
}

const IDENTITY = `select (select system_identifier::text from pg_control_system()) as system, 't'::regclass::oid::text as t,
  (select table_oid::text from rserv.replicated_table where table_name = 't') as captured, pg_current_xact_id()::text::bigint as xid`

test.skipIf(why !== '')(
  `case 172: after pg_upgrade a master is recognised and goes on after master-init, a slave at once, both where they were${why}`,
  { timeout: 180_000 },
  async () => {
    await using clusters = await startClusters()
    const server = clusters.old.config()
    await using pair = await replicatedPair(T, { tables: ['t', 'm'], servers: { master: server, slave: server } })
    const { master, slave } = pair
    await using other = await replicatedPair(T, { tables: ['t', 'm'], servers: { slave: server } })
    for (const one of [pair, other]) {
      await change(one, 1)
      await one.sync()
      await change(one, 2)
    }
    const [before] = await master.query(IDENTITY)
    await clusters.upgrade()
    for (const database of [master, slave, other.slave]) await database.reconnect()
    const [after] = await master.query(IDENTITY)
    expect(after).toMatchObject({ t: before?.['t'], captured: before?.['captured'] })
    expect(after?.['system']).not.toBe(before?.['system'])
    expect(BigInt(String(after?.['xid']))).toBeGreaterThan(BigInt(String(before?.['xid'])))
    await expect(pair.sync()).rejects.toMatchObject({
      code: 'NODE_MOVED',
      hint: expect.stringContaining('master-init'),
    })
    await masterInit(master.config, { backends })
    for (const one of [pair, other]) {
      const result = await one.syncAndCompare('t', 'm')
      expect(result.tables.map(({ mode }) => mode)).toEqual(['changes', 'changes'])
      await change(one, 3)
      await one.syncAndCompare('t', 'm')
    }
  },
)
