import { expect, test } from 'vitest'
import { ready } from './failures.ts'
import { runHere } from './in-process.ts'

test('check tells by its exit code, and says what to do', async () => {
  await using pair = await ready()
  const { master, slave } = pair
  expect(await runHere(['check', master.uri, slave.uri])).toMatchObject({
    code: 0,
    stdout: 'Nothing found: all is well\n',
    stderr: '',
  })
  await slave.query('alter table orders add mine int; alter table orders set unlogged')
  const warned = await runHere(['doctor', master.uri, slave.uri])
  expect(warned).toMatchObject({ code: 0, stderr: '' })
  expect(warned.stdout)
    .toBe(`WARNING slave-unlogged: slave ${slave.name}, public.orders: it is unlogged: a crash of the slave empties it, and rserv does not see that
  fix: ALTER TABLE "public"."orders" SET LOGGED;
NOTE column-extra: slave ${slave.name}, public.orders: column mine is not on the master
  fix: Nothing, if that is meant.
0 problems, 1 warning, 1 note
`)
  await master.query('alter table orders disable trigger user')
  const broken = await runHere(['check', master.uri, slave.uri, '--json'])
  expect(broken.code).toBe(1)
  const document = JSON.parse(broken.stdout) as { findings: object[]; problems: number }
  expect(document).toMatchObject({ master: master.name, slaves: [slave.name], problems: 5, warnings: 1 })
  expect(document.findings[0]).toMatchObject({
    code: 'trigger-disabled',
    severity: 'problem',
    side: 'master',
    database: master.name,
    table: { schema: 'public', name: 'orders' },
    fix: expect.stringContaining(`rserv resync ${master.name} ${slave.name} public.orders`),
  })
  expect(await runHere(['check'])).toMatchObject({ code: 2 })
})

test('check reports a server that is not there, without its password', async () => {
  const run = await runHere(['check', 'postgres://me:s3cret@127.0.0.1:1/shop'])
  expect(run.code).toBe(1)
  expect(run.stdout).toMatch(/^PROBLEM unreachable: master shop: /)
  expect(run.stdout + run.stderr).not.toContain('s3cret')
})
