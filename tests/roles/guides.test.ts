import { readFileSync, mkdtempSync, rmSync } from 'node:fs'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { replicate } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { uriOf } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { addSlave, createCluster, expectSame } from './cluster.ts'

const run = promisify(execFile)
const DDL = 'create table orders (id serial primary key, v text)'
const RSERV = fileURLToPath(new URL('../../packages/cli/bin/rserv.js', import.meta.url))

/** The commands of a guide, block by block. */
function blocksOf(guide: string): string[] {
  const text = readFileSync(new URL(`../../docs/guides/${guide}.md`, import.meta.url), 'utf8')
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
}

/** Runs a guide's blocks in one shell each, with what is to happen before a block of that number. */
async function follow(
  guide: string,
  databases: Record<string, string>,
  before: Readonly<Record<number, () => Promise<unknown>>> = {},
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rserv-guide-'))
  const said: string[] = []
  try {
    for (const [index, block] of blocksOf(guide).entries()) {
      await before[index]?.()
      const script = `set -e\nrserv() { '${process.execPath}' '${RSERV}' "$@"; }\n${block}`
      const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...databases }
      const { stdout, stderr } = await run('sh', ['-c', script], { cwd: folder, env }).catch((error: unknown) => {
        const { stdout: out, stderr: err } = error as { stdout: string; stderr: string }
        throw new Error(`${guide}:\n${block}\n${out}${err}`)
      })
      said.push(stdout + stderr)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
  return said
}

test('Planned switchover', async () => {
  await using cluster = await createCluster(DDL, 1)
  const { master } = cluster
  const [slave] = cluster.slaves as [TestDatabase]
  await using other = await addSlave(DDL, { keeps: false, label: 'other' })
  await master.query(`insert into orders (v) values ('first')`)
  const databases = { OLD: master.uri, NEW: slave.uri, OTHER: other.uri }
  const said = await follow('planned-switchover', databases, {
    2: () => master.query(`insert into orders (v) values ('second')`),
    4: () => slave.query(`insert into orders (v) values ('third')`),
  })
  expect(said[2]).toContain('Ready. Writes would be stopped for about')
  expect(said[3]).toContain('the master is postgres://')
  for (const one of [slave, other]) await expectSame(master, one, ['orders'])
  expect(await master.query('select v from orders order by id')).toEqual([
    { v: 'first' },
    { v: 'second' },
    { v: 'third' },
  ])
})

test('The master is gone, and Bring the old master back', async () => {
  await using cluster = await createCluster(DDL, 2)
  const { master: old } = cluster
  const [slave, other] = cluster.slaves as [TestDatabase, TestDatabase]
  await old.query(`insert into orders (v) values ('kept')`)
  // The one that is to be promoted comes last, so that it has most.
  for (const one of [other, slave]) await replicate(old.config, one.config)
  // Nobody answers there.
  const gone = uriOf({ ...old.config, port: 1 })
  await old.query(`insert into orders (v) values ('lost')`)
  const databases = { OLD: gone, NEW: slave.uri, OTHER: other.uri }
  const told = await follow('the-master-is-gone', databases, {
    2: () => slave.query(`insert into orders (v) values ('new')`),
  })
  expect(told[0]).toContain(`${slave.name} is the master now, generation 2`)
  expect(told.at(-1)).toContain('former-master-')
  const back = await follow('bring-the-old-master-back', { ...databases, OLD: old.uri })
  expect(back[0]).toContain('It had 1 row that the master has not')
  expect(back[1]).toContain('0 problems')
  expect(back[2]).toContain('public.orders: 1 row')
  expect(await slave.query('select v from orders order by id')).toEqual([{ v: 'kept' }, { v: 'lost' }, { v: 'new' }])
})
