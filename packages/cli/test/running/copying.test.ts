import { expect, test } from 'vitest'
import { runHere } from '../in-process.ts'
import { ConfigFile, createMaster, createSlave } from './config-file.ts'
import { Running } from './process.ts'

const DDL = 'create table a (id int primary key, v text); create table b (id int primary key, v text)'
const FILL = ['a', 'b']
  .map((name) => `insert into ${name} select g, repeat('x', 1000) from generate_series(1, 18000) g`)
  .join(';')

test.each(['--jobs 1', 'copy: { jobs: 1 }'])('%s: large new tables are copied one after the other', async (how) => {
  await using master = await createMaster(DDL)
  await using slave = await createSlave(DDL)
  await master.query(FILL)
  const entry = { name: 's', database: slave.uri, copy: { jobs: 1 } }
  using file = new ConfigFile({ masters: [{ name: 'm', database: master.uri, slaves: [entry] }] })
  const args = how === '--jobs 1' ? [master.uri, slave.uri, '--jobs', '1'] : ['--config', file.path]
  await using running = new Running(args)
  await running.until({ event: 'in-sync' })
  const order = running.early.filter(({ event }) => event === 'copy-progress').map(({ table }) => JSON.stringify(table))
  expect(order.filter((table, index) => table !== order[index - 1])).toHaveLength(2)
  for (const table of ['a', 'b']) {
    expect(await slave.query(`select count(*)::int as n from ${table}`)).toEqual([{ n: 18_000 }])
  }
  expect(await running.end('SIGTERM')).toBe(0)
})

test('a number of jobs that is none, or besides a configuration, is refused', async () => {
  expect(await runHere(['run', 'm', 's', '--jobs', '0'])).toMatchObject({ code: 2 })
  const both = await runHere(['run', '--config', 'rserv.yaml', '--jobs', '2'])
  expect(both).toMatchObject({ code: 2 })
  expect(both.stderr).toContain('--jobs does not go with a configuration')
})
