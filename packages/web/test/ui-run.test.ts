import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, createRole, onServer, runCli, sharedServer } from '@rserv/test-utils'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { barriers, noBrowser, openBrowser, openPage, SLOW, WHY_SKIPPED } from './browser.ts'
import { RunningUi } from './running-ui.ts'

const TABLES = 'create table orders (id int primary key, v text); create table items (id int primary key, n int)'
const TOKEN = 'a-token-that-nobody-guesses'

let master: TestDatabase
let berlin: TestDatabase
let paris: TestDatabase
let role: Awaited<ReturnType<typeof createRole>>
let folder: string
let browser: Browser

const rserv = async (...args: string[]): Promise<void> => expect(await runCli(args)).toMatchObject({ code: 0 })
const uri = ({ name, config }: TestDatabase): string =>
  `postgres://${role.name}:${role.password}@${config.host}:${config.port}/${name}`
const slave = (page: Page, name: string) => page.locator('.slave').filter({ hasText: name })
const synced = (page: Page, name: string) => slave(page, name).filter({ hasText: 'in sync' }).waitFor()

/** `rserv run` with a configuration of one master and two slaves. */
function startRun(listen: string, env: Record<string, string> = {}): RunningUi {
  const pace = { retry: '500ms', parked: '300ms' }
  const slaves = [
    { name: 'berlin', database: uri(berlin), pace },
    { name: 'paris', database: uri(paris), pace },
  ]
  const file = join(folder, 'rserv.yaml')
  writeFileSync(file, stringify({ masters: [{ name: 'shop', database: uri(master), slaves }] }))
  return new RunningUi(['run', '--config', file, '--json', '--listen', listen], { env })
}

/** Nobody can connect to it any more; or everybody again. */
async function setUp({ name }: TestDatabase, up: boolean): Promise<void> {
  await onServer(sharedServer(), async (client) => {
    await client.query(`alter database "${name}" is_template false allow_connections ${up}`)
    if (!up) await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
  })
}

describe.skipIf(noBrowser)(`the page of rserv run${WHY_SKIPPED}`, SLOW, () => {
  beforeAll(async () => {
    master = await createDatabase({ label: 'run_m' })
    berlin = await createDatabase({ label: 'run_berlin' })
    paris = await createDatabase({ label: 'run_paris' })
    role = await createRole('superuser')
    folder = mkdtempSync(join(tmpdir(), 'rserv-run-page-'))
    for (const { query } of [master, berlin, paris]) await query(TABLES)
    await rserv('master-init', master.uri)
    await rserv('master-add-table', master.uri, '--all')
    for (const one of [berlin, paris]) {
      await rserv('slave-init', one.uri)
      await rserv('slave-add-table', one.uri, '--all')
    }
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    for (const database of [master, berlin, paris]) await database?.[Symbol.asyncDispose]()
    await role?.[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
  })

  test('topology, lag, tables, what happens and errors, live; no demonstration, and no barrier', async () => {
    await using run = startRun('127.0.0.1:0')
    const { page, wrong } = await openPage(browser)
    await page.goto(await run.url)
    await page.locator('.node.master').filter({ hasText: 'shop' }).filter({ hasText: 'connected' }).waitFor()
    for (const name of ['berlin', 'paris']) await synced(page, name)
    await page.locator('#connection').filter({ hasText: 'live' }).waitFor()
    await master.query(`insert into orders select g, 'a' from generate_series(1, 1234) g`)
    await page
      .locator('#activity')
      .filter({ hasText: /1,234 rows/ })
      .waitFor()
    await page.locator('#lag-chart canvas').waitFor()
    await page.getByRole('row').filter({ hasText: 'orders' }).filter({ hasText: 'synced' }).waitFor()
    expect(await page.getByRole('button', { name: 'Replicate' }).count()).toBe(0)

    const errors = page.getByRole('region', { name: 'Errors' })
    await berlin.query('alter table items add constraint small check (n < 10)')
    await setUp(paris, false)
    await master.query('insert into items values (1, 100)')
    await errors.filter({ hasText: 'berlin: items' }).filter({ hasText: 'small' }).waitFor()
    await errors.filter({ hasText: 'paris' }).filter({ hasText: 'CONNECT' }).waitFor()
    await slave(page, 'paris').filter({ hasText: 'retrying' }).waitFor()
    expect(await barriers(page)).toEqual([])
    await berlin.query('alter table items drop constraint small')
    await setUp(paris, true)
    await paris.reconnect()
    await errors.waitFor({ state: 'hidden' })
    for (const name of ['berlin', 'paris']) await synced(page, name)
    for (const { query } of [berlin, paris]) expect(await query('table items')).toEqual([{ id: 1, n: 100 }])
    expect(wrong).toEqual([])
    expect(await run.end('SIGTERM')).toBe(0)
    await page.locator('#connection[data-state="lost"]').waitFor()
    await page.close()
  })

  test('reached from elsewhere it wants the token once, and neither that nor a password is in the page', async () => {
    await using run = startRun('0.0.0.0:0', { RSERV_TOKEN: TOKEN })
    const url = (await run.url).replace('0.0.0.0', '127.0.0.1')
    const context = await browser.newContext()
    const { page: refused } = await openPage(context)
    expect((await refused.goto(url))?.status()).toBe(401)
    expect(await refused.locator('body').textContent()).toContain('a token is needed')
    await refused.close()
    const { page, wrong } = await openPage(context)
    const answers: string[] = []
    page.on('response', (response) => {
      if (!response.url().endsWith('/api/events'))
        void response.text().then(
          (text) => answers.push(text),
          () => undefined,
        )
    })
    await page.goto(`${url}/?token=${TOKEN}`)
    expect(page.url()).toBe(`${url}/`)
    for (const name of ['berlin', 'paris']) await synced(page, name)
    await page.locator('#connection').filter({ hasText: 'live' }).waitFor()
    await page.reload()
    await synced(page, 'berlin')
    const all = `${answers.join('')}${await page.content()}${await page.evaluate(() => document.cookie)}`
    for (const secret of [TOKEN, role.password]) expect(all).not.toContain(secret)
    expect(answers.length).toBeGreaterThan(3)
    expect(wrong).toEqual([])
    await context.close()
    expect(await run.end('SIGTERM')).toBe(0)
  })
})
