import { masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createRole } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { backends, createPair } from './support/pair.ts'

const DDL =
  'create table t (id serial primary key, v text); create table parted (id int primary key) partition by range (id); create table parted_1 partition of parted for values from (0) to (10)'

async function grant(database: TestDatabase, statements: string): Promise<void> {
  await database.query(statements)
}

test('the grants of docs/reference/privileges.md suffice, for a role that owns no table', async () => {
  await using pair = await createPair('grants')
  const { master, slave } = pair
  await using role = await createRole('', [master, slave])
  for (const database of [master, slave]) await database.query(DDL)
  const repl = `"${role.name}"`
  await grant(
    master,
    `grant connect, create on database "${master.name}" to ${repl}; grant usage on schema public to ${repl};
      grant select, trigger on t, parted, parted_1 to ${repl}; grant select on sequence t_id_seq to ${repl}`,
  )
  await grant(
    slave,
    `grant connect, create, temporary on database "${slave.name}" to ${repl}; grant usage on schema public to ${repl};
      grant select, insert, update, delete on t, parted, parted_1 to ${repl}; grant select, update on sequence t_id_seq to ${repl}`,
  )
  const as = (database: TestDatabase): object => ({ ...database.config, user: role.name, password: role.password })
  await masterInit(as(master), { backends })
  await slaveInit(as(slave))
  await masterAddTables(as(master), { tables: ['t', 'parted'], backends })
  await slaveAddTables(as(slave), { tables: ['t', 'parted'] })
  await master.query(`insert into t (v) values ('a'), ('b'); insert into parted values (1)`)
  await replicate(as(master), as(slave))
  await master.query(
    `revoke trigger on t, parted, parted_1 from ${repl}; update t set v = 'c' where id = 1; delete from t where id = 2; truncate parted_1`,
  )
  await replicate(as(master), as(slave))
  await pair.expectEqual('t', 'parted')
})

test('case 194: a missing privilege is named, and nothing is applied', async () => {
  await using pair = await createPair('grants')
  const { master, slave } = pair
  await using role = await createRole('', [master, slave])
  for (const database of [master, slave]) await database.query('create table t (id int primary key, v text)')
  const repl = `"${role.name}"`
  for (const database of [master, slave]) await database.query(`grant create on database "${database.name}" to ${repl}`)
  const as = (database: TestDatabase): object => ({ ...database.config, user: role.name, password: role.password })
  await masterInit(as(master), { backends })
  await slaveInit(as(slave))
  await expect(masterAddTables(as(master), { tables: ['t'], backends })).rejects.toMatchObject({ code: 'PRIVILEGE' })
  expect(await master.query('select from rserv.replicated_table')).toEqual([])
  await expect(slaveAddTables(as(slave), { tables: ['t'] })).rejects.toMatchObject({
    code: 'PRIVILEGE',
    message: expect.stringContaining('SELECT, INSERT, UPDATE, DELETE'),
  })
  await master.query(`grant trigger on t to ${repl}`)
  await slave.query(`grant select, insert, update, delete on t to ${repl}`)
  await masterAddTables(as(master), { tables: ['t'], backends })
  await slaveAddTables(as(slave), { tables: ['t'] })
  await expect(replicate(as(master), as(slave))).rejects.toMatchObject({ code: 'PRIVILEGE', side: 'master' })
})

test('cases 72, 121, 122, 194: row-level security that would hide rows is refused on both sides', async () => {
  await using pair = await createPair('rls')
  const { master, slave } = pair
  await using role = await createRole('', [master, slave])
  const repl = `"${role.name}"`
  for (const database of [master, slave]) {
    await database.query(`create table t (id int primary key, v text); alter table t enable row level security; create policy part on t using (id < 2);
      grant all on t to ${repl}; grant create on database "${database.name}" to ${repl}`)
  }
  const as = (database: TestDatabase): object => ({ ...database.config, user: role.name, password: role.password })
  await masterInit(as(master), { backends })
  await slaveInit(as(slave))
  await expect(masterAddTables(as(master), { tables: ['t'], backends })).rejects.toMatchObject({ code: 'ROW_SECURITY' })
  await expect(slaveAddTables(as(slave), { tables: ['t'] })).rejects.toMatchObject({ code: 'ROW_SECURITY' })
  await master.query('alter table t disable row level security')
  await slave.query('alter table t disable row level security')
  await masterAddTables(as(master), { tables: ['t'], backends })
  await slaveAddTables(as(slave), { tables: ['t'] })
  await master.query('alter table t enable row level security')
  await expect(replicate(as(master), as(slave))).rejects.toMatchObject({ code: 'ROW_SECURITY', side: 'master' })
  await master.query('alter table t disable row level security')
  await slave.query('alter table t enable row level security')
  await expect(replicate(as(master), as(slave))).rejects.toMatchObject({ code: 'ROW_SECURITY', side: 'slave' })
})
