import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { fails } from './failures.ts'
import { runHere } from './in-process.ts'
import { databases, rservJson, setUp } from './support.ts'

const DDL = 'create table orders (id serial primary key, v text)'

interface Three extends AsyncDisposable {
  readonly a: TestDatabase
  readonly b: TestDatabase
  readonly c: TestDatabase
}

async function threeNodes(): Promise<Three> {
  const pair = await databases(DDL)
  const other = await createDatabase({ label: 'cli_o' })
  await other.query(DDL)
  await setUp(pair)
  await say('slave-init', other.uri)
  for (const slave of [pair.slave, other]) {
    await say('slave-add-table', slave.uri, '--all', '--keep-log')
    await say('replicate', pair.master.uri, slave.uri)
  }
  return {
    a: pair.master,
    b: pair.slave,
    c: other,
    async [Symbol.asyncDispose]() {
      await pair[Symbol.asyncDispose]()
      await other[Symbol.asyncDispose]()
    },
  }
}

/** Runs rserv here, expects success, and returns what it says on standard output and standard error. */
async function say(...args: string[]): Promise<string> {
  const run = await runHere(args)
  expect(run.code, `${args[0]}: ${run.stdout}${run.stderr}`).toBe(0)
  return run.stdout + run.stderr
}

async function readOnly(database: TestDatabase): Promise<string | undefined> {
  const client = await database.connect()
  try {
    const { rows } = await client.query<{ setting: string }>(
      `select current_setting('default_transaction_read_only') as setting`,
    )
    return rows[0]?.setting
  } finally {
    await client.end()
  }
}

test('switchover: rehearsed, with a hook, announced to libpq, and back', async () => {
  await using nodes = await threeNodes()
  const { a, b, c } = nodes
  await a.query(`insert into orders (v) values ('x')`)
  const dry = await say('switchover', a.uri, b.uri, '--other-slave', c.uri, '--dry-run')
  expect(dry).toMatch(/^Ready\. Writes would be stopped for about \d+ ms/)
  await a.query(`insert into orders (v) values ('y')`)
  const hook = 'echo "master: $RSERV_MASTER_URI $RSERV_GENERATION"; exit 3'
  const done = await say('switchover', a.uri, b.uri, '--other-slave', c.uri, '--announce', '--hook', hook)
  expect(done).toContain(`${b.name} is the master now, generation 2: writes were stopped for`)
  expect(done).toContain(`${a.name} follows ${b.name}`)
  expect(done).toContain(`${c.name} follows ${b.name}`)
  expect(done).toMatch(new RegExp(`^master: postgres://.*@127\\.0\\.0\\.1:\\d+/${b.name} 2$`, 'm'))
  expect(done).toContain('the hook ended with code 3')
  expect(await Promise.all([a, b, c].map(readOnly))).toEqual(['on', 'off', 'on'])
  await b.query(`insert into orders (v) values ('z')`)
  await say('replicate', b.uri, a.uri)
  expect(await a.query('select v from orders order by id')).toEqual([{ v: 'x' }, { v: 'y' }, { v: 'z' }])
  await fails(['replicate', a.uri, b.uri], { error: 'WRONG_ROLE', says: /not as a slave/ })
  await say('switchover', b.uri, a.uri, '--announce')
  expect(await Promise.all([a, b].map(readOnly))).toEqual(['off', 'on'])
  // The third still follows the former master, which feeds it.
  await a.query(`insert into orders (v) values ('cascade')`)
  await say('replicate', a.uri, b.uri)
  await say('replicate', b.uri, c.uri)
  await say('repoint', a.uri, c.uri)
  expect(await c.query('select count(*)::int as n from orders')).toEqual([{ n: 4 }])
})

test('what stands against a switchover is told, each with its remedy, and nothing is changed', async () => {
  await using nodes = await threeNodes()
  const { a, b } = nodes
  await a.query('create index v on orders (v); create table later (id int primary key)')
  await say('master-add-table', a.uri, 'later')
  const dry = await runHere(['switchover', a.uri, b.uri, '--dry-run'])
  expect(dry.code).toBe(1)
  expect(dry.stdout).toMatch(/^Not ready:\n.*later: the master captures it, this slave does not take it\n/)
  expect(dry.stdout).toContain('CREATE INDEX v ON public.orders')
  await fails(['switchover', a.uri, b.uri], { error: 'NOT_READY', says: /later/ })
  const open = await a.connect()
  await open.query(`begin; insert into orders (v) values ('open')`)
  const args = ['switchover', a.uri, b.uri, '--anyway', '--time-limit', '0.5']
  await fails(args, { error: 'LOCK_TIMEOUT', says: /did not end in time: process \d+/ })
  await open.query('commit')
  await open.end()
  await a.query(`insert into orders (v) values ('can be written')`)
  await fails(['rejoin', a.uri, b.uri], { error: 'NOT_READY', says: /did not replace/ })
  await fails(['promote', a.uri], { error: 'WRONG_ROLE', says: /not as a slave/ })
  await fails(['reapply', a.uri], { error: 'BAD_ARGUMENT', says: /no report/ })
  await fails(['reapply', a.uri, '--kind', 'all'], { code: 2, error: 'USAGE', says: /unknown kind/ })
})

test('promote, rejoin with a report, reapply', async () => {
  await using nodes = await threeNodes()
  const { a, b, c } = nodes
  const folder = mkdtempSync(join(tmpdir(), 'rserv-rejoin-'))
  const file = join(folder, 'lost.jsonl')
  try {
    await a.query(`insert into orders (v) values ('kept'), ('changed')`)
    await say('replicate', a.uri, b.uri)
    await fails(['promote', b.uri, '--old-master', a.uri], { error: 'NOT_READY', says: /old master answers/ })
    await a.query(`insert into orders (v) values ('lost'); update orders set v = 'by the old' where id = 2`)
    await fails(['promote', c.uri, '--other-slave', b.uri], {
      error: 'NOT_READY',
      says: new RegExp(`promote ${b.name}`),
    })
    const gone = 'postgres://127.0.0.1:1/gone'
    const told = await say(
      'promote',
      b.uri,
      '--other-slave',
      c.uri,
      '--old-master',
      gone,
      '--hook',
      'echo $RSERV_MASTER_URI',
    )
    expect(told).toContain(`${b.name} is the master now, generation 2`)
    expect(told).toMatch(/up to sync id \d+, applied at /)
    expect(told).toContain(`${c.name} follows ${b.name}`)
    await b.query(`insert into orders (v) values ('new'); update orders set v = 'by the new' where id = 2`)
    await fails(['replicate', a.uri, c.uri], {
      error: 'OLD_GENERATION',
      says: /generation 1, .* knows of a master of generation 2/,
    })
    const back = await say('rejoin', a.uri, b.uri, '--fence', '--report', file)
    expect(back).toContain('It had 2 rows that the master has not')
    const lines = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(lines).toMatchObject([
      { table: 'orders', kind: 'differs', key: { id: 2 }, old: { v: 'by the old' }, new: { v: 'by the new' } },
      { table: 'orders', kind: 'only-old', key: { id: 3 }, old: { v: 'lost' }, new: null },
    ])
    expect(statSync(file).mode & 0o077).toBe(0)
    expect(await a.query('select v from orders order by id')).toEqual([
      { v: 'kept' },
      { v: 'by the new' },
      { v: 'new' },
    ])
    // The new master's sequence skipped what the old one may have given out: no key is in the way.
    expect(await rservJson('reapply', b.uri)).toMatchObject({ tables: [{ rows: 1 }] })
    expect(await b.query('select v from orders order by id')).toEqual([
      { v: 'kept' },
      { v: 'by the new' },
      { v: 'lost' },
      { v: 'new' },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
