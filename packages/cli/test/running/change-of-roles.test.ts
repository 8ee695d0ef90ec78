import { expect, test } from 'vitest'
import { rserv } from '../support.ts'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const T = 'create table orders (id int primary key, v text)'

test('a switchover while rserv run follows: it lets go, does no harm with the old configuration, and says what to change', async () => {
  await using old = await createMaster(T)
  await using next = await createSlave(T)
  await using other = await createSlave(T)
  for (const slave of [next, other]) await rserv('slave-add-table', slave.uri, '--all', '--keep-log')
  const slaves = [
    { name: 'next', database: next.uri },
    { name: 'other', database: other.uri },
  ]
  using file = new ConfigFile({ masters: [{ name: 'm', database: old.uri, slaves }] })
  await using running = new Running(['--config', file.path])
  for (const slave of ['next', 'other']) await running.until({ event: 'in-sync', slave })
  await old.query(`insert into orders values (1, 'a')`)
  // It is let go for the rehearsal, and followed again.
  await rserv('switchover', old.uri, next.uri, '--other-slave', other.uri, '--dry-run')
  await running.until({ event: 'paused', slave: 'next', by: 'change-of-roles' })
  await running.until({ event: 'resumed', slave: 'next' })
  await running.until({ event: 'in-sync', slave: 'next' })
  await rserv('switchover', old.uri, next.uri, '--other-slave', other.uri)
  await running.until({ event: 'paused', slave: 'next', by: 'change-of-roles' })
  expect(await running.until({ event: 'failed', slave: 'next' })).toMatchObject({
    code: 'WRONG_ROLE',
    hint: expect.stringContaining('name it as the master, here and in the configuration of rserv run'),
  })
  expect(await running.until({ event: 'failed', slave: 'other' })).toMatchObject({
    code: 'OLD_GENERATION',
    hint: expect.stringContaining('Name that one as its master, here and in the configuration of rserv run'),
  })
  await next.query(`insert into orders values (2, 'by the new master')`)
  // The new configuration is all that it takes.
  file.write({
    masters: [
      {
        name: 'm',
        database: next.uri,
        slaves: [
          { name: 'old', database: old.uri },
          { name: 'other', database: other.uri },
        ],
      },
    ],
  })
  running.child.kill('SIGHUP')
  await running.until({ event: 'reconfigured' })
  for (const slave of ['old', 'other']) await running.until({ event: 'in-sync', slave })
  const rows = [
    { id: 1, v: 'a' },
    { id: 2, v: 'by the new master' },
  ]
  for (const one of [next, old, other]) expect(await one.query('select * from orders order by id')).toEqual(rows)
  expect(await running.end('SIGTERM')).toBe(0)
})
