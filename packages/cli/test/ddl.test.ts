import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compareTable, runCli } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { ready } from './failures.ts'
import { runHere } from './in-process.ts'

const EQUAL = { onlyOnMaster: [], onlyOnSlave: [] }

test('ddl from a file and from standard input, through a file of transfers, and what it says', async () => {
  await using pair = await ready('create table orders (id int primary key, v text)')
  const { master, slave } = pair
  await master.query(`insert into orders values (1, 'a')`)
  const file = join(tmpdir(), `rserv-ddl-${process.pid}.sql`)
  await writeFile(file, '\uFEFFalter table orders add n int;\n')
  const first = await runHere(['ddl', master.uri, slave.uri, '--file', file])
  expect(first).toMatchObject({ code: 0, stderr: '' })
  expect(first.stdout).toBe(`Script 1: run on the master\n${slave.name}: script 1 run; in sync\n`)
  expect((await runHere(['ddl', master.uri, slave.uri, '--file', file])).stdout).toContain(
    'was run on the master before',
  )
  const piped = await runCli(['ddl', master.uri, '--json'], { input: 'alter table orders rename v to w' })
  expect(piped).toMatchObject({ code: 0 })
  expect(JSON.parse(piped.stdout)).toMatchObject({ script: '2', waiting: [{ scripts: ['2'] }] })
  expect((await runHere(['status', master.uri])).stdout).toContain('waits for script 2')
  expect(await runHere(['check', master.uri, slave.uri])).toMatchObject({
    stdout: expect.stringContaining('script-waiting'),
  })
  const replicated = await runHere(['replicate', master.uri, slave.uri, '--snapshot', `${file}.snap`])
  expect(replicated).toMatchObject({ code: 0, stdout: expect.stringContaining('script 2 run') })
  expect(await compareTable(master, slave, 'orders')).toEqual(EQUAL)
  await slave.query('alter table orders add x int')
  await writeFile(file, 'alter table orders add x int')
  const failed = await runHere(['ddl', master.uri, slave.uri, '--file', file])
  expect(failed).toMatchObject({ code: 1, stdout: expect.stringContaining(`${slave.name}: waits: script 3`) })
  expect(await runHere(['ddl', master.uri, slave.uri, '--skip', '3'])).toMatchObject({ code: 0 })
  expect(await compareTable(master, slave, 'orders')).toEqual(EQUAL)
})

test('ddl takes its databases from a configuration of rserv run', async () => {
  await using pair = await ready('create table orders (id int primary key, v text)')
  const { master, slave } = pair
  const folder = await mkdtemp(join(tmpdir(), 'rserv-ddl-'))
  const [config, script] = [join(folder, 'rserv.yaml'), join(folder, 'change.sql')]
  const entry = `- {name: shop, database: "${master.uri}", slaves: [{name: berlin, database: "${slave.uri}"}]}`
  await writeFile(config, `masters:\n  ${entry}\n`)
  await writeFile(script, 'alter table orders add n int')
  const run = await runHere(['ddl', '--config', config, '--file', script])
  expect(run).toMatchObject({ code: 0, stdout: `Script 1: run on the master\n${slave.name}: script 1 run; in sync\n` })
  expect((await runHere(['ddl', 'shop', 'berlin', '--config', config, '--resume'])).code).toBe(0)
  const unknown = await runHere(['ddl', 'shop', 'paris', '--config', config, '--resume'])
  expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('berlin') })
  expect((await runHere(['ddl', 'store', '--config', config, '--resume'])).code).toBe(2)
  await rm(folder, { recursive: true })
})

test('ddl without a script, with an empty one, or with nobody to resume is wrong usage; a bad script fails', async () => {
  await using pair = await ready('create table orders (id int primary key, v text)')
  const { master } = pair
  expect(await runCli(['ddl', master.uri], { input: ' \n' })).toMatchObject({ code: 2, stdout: '' })
  expect(await runHere(['ddl', master.uri, '--file', '/nowhere.sql'])).toMatchObject({ code: 2 })
  expect(await runHere(['ddl', master.uri, '--resume'])).toMatchObject({ code: 2 })
  expect(await runCli(['ddl', master.uri], { input: 'vacuum orders' })).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/VACUUM[^]*by hand on each side/),
  })
})
