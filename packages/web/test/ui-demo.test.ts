import { existsSync } from 'node:fs'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, createRole, runCli } from '@rserv/test-utils'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ask } from './asking.ts'
import { noBrowser, openBrowser, openPage, SLOW, WHY_SKIPPED } from './browser.ts'
import { RunningUi } from './running-ui.ts'
import { picture } from './screenshots.ts'

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const says = (page: Page, text: RegExp | string) => page.locator('#demo-message').filter({ hasText: text }).waitFor()
const shows = (page: Page, text: string) =>
  page.getByLabel('On the slave', { exact: true }).filter({ hasText: text }).waitFor()

/** Two databases that are set up for the demonstration, and a role with a password for both. */
async function databases(): Promise<
  AsyncDisposable & { master: TestDatabase; slave: TestDatabase; password: string; uri(of: TestDatabase): string }
> {
  const master = await createDatabase({ label: 'ui_m' })
  const slave = await createDatabase({ label: 'ui_s' })
  for (const { query } of [master, slave]) await query('create table test (id serial primary key, data text)')
  const commands = [
    ['master-init', master.uri],
    ['slave-init', slave.uri],
    ['master-add-table', master.uri, 'test'],
    ['slave-add-table', slave.uri, 'test'],
  ]
  for (const command of commands) expect(await runCli(command)).toMatchObject({ code: 0 })
  const role = await createRole('superuser')
  return {
    master,
    slave,
    password: role.password,
    uri: ({ name, config }) => `postgres://${role.name}:${role.password}@${config.host}:${config.port}/${name}`,
    async [Symbol.asyncDispose]() {
      for (const database of [master, slave]) await database[Symbol.asyncDispose]()
      await role[Symbol.asyncDispose]()
    },
  }
}

test('without databases: an embedded server, which SIGTERM ends and removes', async () => {
  await using ui = new RunningUi(['ui'])
  const answer = await ask(await ui.url)
  expect(answer).toMatchObject({ status: 200, headers: { 'content-type': expect.stringContaining('text/html') } })
  const folder = /embedded PostgreSQL 18 in (\S+),/.exec(ui.stderr)?.[1] ?? ''
  expect(existsSync(folder)).toBe(true)
  expect(await ui.end('SIGTERM')).toBe(0)
  expect(existsSync(folder)).toBe(false)
})

test('wrong usage says what to do', async () => {
  const refused = [
    { args: ['ui', 'only'], says: 'no slave given' },
    { args: ['ui', 'm', 's', '--manual', '--follow'], says: 'Give one of them' },
    { args: ['ui', 'm', 's', '--listen', 'a:b:c'], says: 'not an address to listen on: a:b:c' },
    { args: ['ui', 'm', 's', '--listen', '70000'], says: 'not a port' },
    { args: ['ui', 'm', 's', 's'], says: 'is given twice' },
    { args: ['RservTest', 'm', 's', '--token-file', 'no-such-file'], says: 'cannot be read' },
  ]
  for (const { args, says: text } of refused) {
    const run = await runCli(args)
    expect(run).toMatchObject({ code: 2, stdout: '' })
    expect(run.stderr).toContain(text)
  }
})

test('reached from elsewhere it asks for a token, and makes one', async () => {
  await using given = await databases()
  const args = ['ui', given.uri(given.master), given.uri(given.slave), '--listen', '0.0.0.0:0']
  await using ui = new RunningUi(args)
  const url = new URL(await ui.url)
  const token = url.searchParams.get('token') ?? ''
  expect(token.length).toBeGreaterThanOrEqual(32)
  const here = `http://127.0.0.1:${url.port}`
  for (const path of ['/', '/api/state', '/api/events', '/api/demo', '/api/history', '/assets/page/main.js']) {
    expect([path, (await ask(`${here}${path}`)).status]).toEqual([path, 401])
  }
  const headers = { 'content-type': 'application/json' }
  expect((await ask(`${here}/api/demo/quit`, { method: 'POST', headers, body: '{}' })).status).toBe(401)
  const login = await ask(`${here}/?token=${token}`)
  expect(login.status).toBe(303)
  const cookie = String(login.headers['set-cookie']).split(';')[0] ?? ''
  expect((await ask(`${here}/`, { headers: { cookie } })).status).toBe(200)
})

describe.skipIf(noBrowser)(`rserv ui in a browser${WHY_SKIPPED}`, SLOW, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => browser?.close())

  test('the demonstration on the embedded server, from Update to Quit', async () => {
    await using ui = new RunningUi([], { program: 'RservTest' })
    const { page, wrong } = await openPage(browser)
    await page.goto(await ui.url)
    await page.getByRole('switch', { name: 'Follow by itself' }).waitFor()
    await page.getByLabel(/^Text to write/).fill('Mandrake 7.2')
    await button(page, 'Update').click()
    await says(page, 'was written to master')
    await button(page, 'Show').click()
    await shows(page, 'n/a')
    await button(page, 'Replicate').click()
    await says(page, /Replicated: SyncID \d+/)
    await button(page, 'Show').click()
    await shows(page, 'Mandrake 7.2')
    // Although the service did not do it.
    await page
      .locator('.slave')
      .filter({ hasText: 'paused' })
      .filter({ hasText: 'nothing' })
      .filter({ hasText: /sync \d/ })
      .waitFor()
    await page.getByRole('row').filter({ hasText: 'test' }).filter({ hasText: 'synced' }).waitFor()
    await page.locator('#lag-legend').filter({ hasText: '0 s' }).waitFor()
    await picture(page, 'ui-demonstration')
    await button(page, 'Quit').click()
    await page.getByText('rserv has ended').waitFor()
    expect(await ui.ended()).toBe(0)
    const folder = /embedded PostgreSQL 18 in (\S+),/.exec(ui.stderr)?.[1] ?? ''
    expect(folder).not.toBe('')
    expect(existsSync(folder)).toBe(false)
    expect(wrong).toEqual([])
    await page.close()
  })

  test("on the user's databases, without a secret in anything that reaches the browser", async () => {
    await using given = await databases()
    await using ui = new RunningUi(['ui', given.uri(given.master), given.uri(given.slave), '--manual'])
    const { page } = await openPage(browser)
    const answers: Promise<string>[] = []
    page.on('response', (answer) => {
      if (!answer.url().endsWith('/api/events')) answers.push(answer.text().catch(() => ''))
    })
    await page.goto(await ui.url)
    await page.getByLabel(/^Text to write/).fill('of mine')
    await button(page, 'Update').click()
    await says(page, `was written to ${given.master.name}`)
    expect(await given.master.query('select data from test')).toEqual([{ data: 'of mine' }])
    await button(page, 'Show').click()
    await shows(page, 'n/a')
    // A name of another database of that server, and what is no name.
    await page.getByLabel('Slave', { exact: true }).fill('no_such_database')
    await button(page, 'Show').click()
    await says(page, 'cannot connect to database no_such_database')
    await page.getByLabel('Slave', { exact: true }).fill(given.uri(given.slave))
    await button(page, 'Show').click()
    await says(page, /not a name: postgres:.*\*\*\*@/)
    await page.getByLabel('Slave', { exact: true }).fill(given.slave.name)
    await page.locator('.slave').filter({ hasText: 'paused' }).waitFor()
    await page.getByRole('switch', { name: 'Follow by itself' }).check()
    await says(page, 'follows by itself')
    await page.locator('.slave').filter({ hasText: 'in sync' }).waitFor()
    await button(page, 'Show').click()
    await shows(page, 'of mine')
    await page.getByLabel(/^Text to write/).fill('once more')
    await button(page, 'Update').click()
    await says(page, 'was written to')
    // Also while the service follows the slave.
    await button(page, 'Replicate').click()
    await says(page, /Replicated|Sync-ed/)
    await button(page, 'Show').click()
    await shows(page, 'once more')
    const seen = [await page.content(), ...(await Promise.all(answers))].join('\n')
    expect(seen).toContain(given.master.name)
    expect(seen).not.toContain(given.password)
    const state = await ask(`${await ui.url}api/state`)
    expect(state.body).not.toContain(given.password)
    await page.close()
    expect(await ui.end('SIGINT')).toBe(0)
  })
})
