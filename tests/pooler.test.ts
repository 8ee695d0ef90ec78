import { ddl, follow, replicate } from '@rserv/core'
import { sharedServer } from '@rserv/test-utils'
import { Client } from 'pg'
import { expect, test } from 'vitest'
import { startFollowing } from './support/following.ts'
import { backends, replicatedPair } from './support/pair.ts'
import { findPooler, startPooler } from './support/pooler.ts'

const program = findPooler()
const why = program ? '' : ' (skipped: there is no pgbouncer here)'
const T = 'create table t (id int primary key, v text); create table u (id serial primary key, t int references t)'

/** What an application finds in the server process that it is given. */
const LEFT = `select (select json_object_agg(name, setting) from pg_settings where name <> 'application_name' and name not like '%.%') as settings,
  (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
  (select count(*)::int from pg_prepared_statements) as statements, current_setting('session_replication_role') as role`

test.skipIf(!program)(
  `case 125: through a pooler in transaction mode replicate and ddl work, and leave nothing to the application${why}`,
  async () => {
    await using pair = await replicatedPair(T)
    await using pooler = await startPooler(program ?? '', sharedServer(), { mode: 'transaction' })
    const [master, slave] = [pooler.through(pair.master.config), pooler.through(pair.slave.config)]
    const application = [new Client(master), new Client(slave)]
    for (const client of application) await client.connect()
    const left = async (): Promise<unknown[]> => {
      const found: unknown[] = []
      for (const client of application) found.push((await client.query(LEFT)).rows[0])
      return found
    }
    const before = await left()
    expect(before).toMatchObject([
      { locks: 0, role: 'origin' },
      { locks: 0, role: 'origin' },
    ])
    for (let round = 1; round <= 3; round++) {
      await application[0]?.query(
        `insert into t select i, 'v' from generate_series(${round * 1000}, ${round * 1000 + 700}) i`,
      )
      await application[0]?.query(
        `insert into u (t) select id from t where id % 100 = 0; update t set v = 'w${round}' where id % 3 = 0`,
      )
      expect(await replicate(master, slave)).toMatchObject({ outcome: 'applied' })
      await pair.expectEqual('t', 'u')
      expect(await left()).toEqual(before)
    }
    const script = `set lock_timeout = 5000; set search_path = public; alter table t add n int default 3; truncate u`
    expect(await ddl(master, [slave], { script, backends })).toMatchObject({ slaves: [{ outcome: 'done' }] })
    await application[0]?.query('insert into u (t) select min(id) from t')
    await replicate(master, slave)
    await pair.expectEqual('t', 'u')
    expect(await left()).toEqual(before)
    for (const client of application) await client.end()
  },
)

test.skipIf(!program)(
  `case 125: who follows a slave through a pooler in transaction mode is refused, and leaves no lock behind${why}`,
  async () => {
    await using pair = await replicatedPair(T)
    for (const size of [1, 5]) {
      await using pooler = await startPooler(program ?? '', sharedServer(), { mode: 'transaction', size })
      const slave = pooler.through(pair.slave.config)
      for (let attempt = 0; attempt < 2; attempt++) {
        await expect(follow(pair.master.config, slave).next()).rejects.toMatchObject({
          code: 'POOLER',
          side: 'slave',
          hint: expect.stringContaining('replicate'),
        })
      }
      expect(await replicate(pair.master.config, slave)).toMatchObject({ outcome: 'in-sync' })
    }
    // The master's session holds nothing.
    await using transactions = await startPooler(program ?? '', sharedServer(), { mode: 'transaction' })
    await using sessions = await startPooler(program ?? '', sharedServer(), { mode: 'session', size: 5 })
    const following = startFollowing({
      master: { config: transactions.through(pair.master.config) },
      slave: { config: sessions.through(pair.slave.config) },
    })
    await following.next('connected')
    for (let round = 0; round < 3; round++) {
      await pair.master.query(`insert into t values (${round}, 'v')`)
      await following.next('applied')
      await pair.expectEqual('t')
    }
    await expect(replicate(pair.master.config, pair.slave.config)).rejects.toMatchObject({ code: 'BUSY' })
    await following.stop()
  },
)
