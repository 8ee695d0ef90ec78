import { masterAddTables, masterInit, slaveAddTables, slaveInit } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase } from '@rserv/test-utils'
import { backend } from '@rserv/trigger-plpgsql'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DemoHost, WebServer } from '../src/index.ts'
import { pageParts, startWeb } from '../src/index.ts'
import { ask } from './asking.ts'
import { barriers, noBrowser, openBrowser, openPage, SLOW, WHY_SKIPPED } from './browser.ts'

const TEST = 'create table test (id serial primary key, data text)'
const backends = async (): Promise<typeof backend> => backend
const nothing = { state: () => ({ version: '1', startedAt: new Date(0).toISOString(), masters: [] }) }

interface Served extends AsyncDisposable {
  readonly web: WebServer
  readonly master: TestDatabase
  readonly slave: TestDatabase
  readonly quits: () => number
}

/** The demonstration on two databases, called master and slave. */
async function serve({ ready }: { ready: boolean }): Promise<Served> {
  const master = await createDatabase({ label: 'demo_m' })
  const slave = await createDatabase({ label: 'demo_s' })
  if (ready) {
    for (const { query } of [master, slave]) await query(TEST)
    await masterInit(master.config, { backends })
    await slaveInit(slave.config)
    await masterAddTables(master.config, { tables: ['public.test'], backends })
    await slaveAddTables(slave.config, { tables: ['public.test'] })
  }
  let quits = 0
  const host: DemoHost = {
    masters: ['master'],
    slaves: ['slave'],
    backends,
    database: async (_side, name) => (name === 'master' ? master : slave).config,
    alone: async (_slave, work) => work(),
    follow: async () => false,
    hide: (text) => text.replaceAll('geheim', '***'),
    quit: () => void quits++,
  }
  const web = await startWeb(nothing, pageParts(host))
  const dispose = async (): Promise<void> => {
    await web.close()
    await master[Symbol.asyncDispose]()
    await slave[Symbol.asyncDispose]()
  }
  return { web, master, slave, quits: () => quits, [Symbol.asyncDispose]: dispose }
}

const press = (url: string, button: string, body: object, headers: Record<string, string> = {}) =>
  ask(`${url}/api/demo/${button}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

test('another site can press no button', async () => {
  await using served = await serve({ ready: true })
  const { web, master } = served
  const entries = { master: 'master', slave: 'slave', text: 'foreign' }
  for (const headers of [
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    for (const button of ['update', 'replicate', 'set-up', 'quit', 'follow']) {
      expect([button, headers, (await press(web.url, button, entries, headers)).status]).toEqual([button, headers, 403])
    }
  }
  // What a form, or a script that does not ask first, can send.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', '']) {
    expect((await press(web.url, 'update', entries, { 'content-type': type })).status).toBe(415)
  }
  expect(served.quits()).toBe(0)
  expect(await master.query('table test')).toEqual([])
  expect((await ask(`${web.url}/api/demo/quit`)).status).toBe(404)
})

test('bad input is an answer, not a failure', async () => {
  await using served = await serve({ ready: true })
  const { url } = served.web
  for (const body of [[], { text: 7 }, { master: {} }, { master: 'master', text: '' }]) {
    const answer = await press(url, 'update', body)
    expect([body, answer.status]).toEqual([body, 422])
    expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'BAD_ARGUMENT' } })
  }
  const answer = await press(url, 'update', { master: 'master', text: 'a\u0000b' })
  expect(JSON.parse(answer.body)).toMatchObject({ error: { code: 'SQL' } })
  // More than a browser lets anybody type.
  expect((await press(url, 'update', { master: 'master', text: 'x'.repeat(100_000) })).status).toBe(413)
  expect(await served.master.query('table test')).toEqual([])
})

test('without a demonstration there is none of its buttons', async () => {
  await using web = await startWeb(nothing, pageParts())
  expect(JSON.parse((await ask(`${web.url}/api/demo`)).body)).toBeNull()
  expect((await press(web.url, 'update', { master: 'master', text: 'x' })).status).toBe(404)
})

const value = (page: Page) => page.getByLabel('On the slave', { exact: true })
const says = (page: Page, text: RegExp | string) => page.locator('#demo-message').filter({ hasText: text }).waitFor()
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true })
const waitForValue = (page: Page, text: string) => value(page).filter({ hasText: text }).waitFor()

describe.skipIf(noBrowser)(`the demonstration in a browser${WHY_SKIPPED}`, SLOW, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await openBrowser()
  })
  afterAll(async () => browser?.close())

  test('Update, Show: n/a, Replicate, Show: the value', async () => {
    await using served = await serve({ ready: true })
    const { page, wrong } = await openPage(browser)
    await page.goto(served.web.url)
    await page.getByLabel('Master', { exact: true }).waitFor()
    expect([
      await page.getByLabel('Master', { exact: true }).inputValue(),
      await page.getByLabel('Slave', { exact: true }).inputValue(),
    ]).toEqual(['master', 'slave'])
    await page.getByLabel(/^Text to write/).fill('hello')
    await button(page, 'Update').click()
    await says(page, '“hello” was written to master.')
    expect(await served.master.query('select data from test')).toEqual([{ data: 'hello' }])
    await button(page, 'Show').click()
    await waitForValue(page, 'n/a')
    expect(await served.slave.query('table test')).toEqual([])
    await button(page, 'Replicate').click()
    await says(page, /Replicated: SyncID \d+, 1 row in 1 table/)
    expect(await served.slave.query('select data from test')).toEqual([{ data: 'hello' }])
    await button(page, 'Show').click()
    await waitForValue(page, 'hello')
    await button(page, 'Replicate').click()
    await says(page, 'Sync-ed')
    expect(wrong).toEqual([])
    await page.close()
  })

  test('a text stays a text, whatever is in it', async () => {
    await using served = await serve({ ready: true })
    const { page, wrong } = await openPage(browser)
    await page.goto(served.web.url)
    const text = `<img src=x onerror="document.title='bad'">'; drop table test; --`
    await page.getByLabel(/^Text to write/).fill(text)
    await page.keyboard.press('Enter')
    await says(page, 'was written to master')
    await button(page, 'Replicate').click()
    await says(page, 'Replicated')
    await button(page, 'Show').click()
    await waitForValue(page, text)
    expect(await value(page).textContent()).toBe(text)
    expect(await page.locator('img').count()).toBe(0)
    expect(await page.title()).toBe('rserv')
    expect(wrong).toEqual([])
    await page.close()
  })

  test('databases without the table: the reason, and one press makes it', async () => {
    await using served = await serve({ ready: false })
    const { page } = await openPage(browser)
    await page.goto(served.web.url)
    await says(page, /has no table test/)
    await page.getByLabel(/^Text to write/).fill('early')
    await button(page, 'Show').click()
    await waitForValue(page, 'n/a')
    await says(page, /no table test with a column for text\. “Set up the table” makes it/)
    await button(page, 'Set up the table').click()
    await says(page, 'The table test is there on both sides')
    await button(page, 'Set up the table').waitFor({ state: 'hidden' })
    for (const name of ['Update', 'Replicate']) await button(page, name).click()
    await says(page, 'Replicated')
    expect(await served.slave.query('select data from test')).toEqual([{ data: 'early' }])
    await page.close()
  })

  test('what the server refuses is said with n/a, without secrets', async () => {
    await using served = await serve({ ready: true })
    const { page } = await openPage(browser)
    await page.goto(served.web.url)
    await served.master.query(`create function fail() returns trigger language plpgsql
      as $$begin raise 'geheim is not for all'; end$$;
      create trigger t before insert on test execute function fail()`)
    await page.getByLabel(/^Text to write/).fill('x')
    await button(page, 'Update').click()
    await says(page, '*** is not for all')
    await served.slave.query('alter table test rename to gone')
    await button(page, 'Show').click()
    await waitForValue(page, 'n/a')
    await page.close()
  })

  test('Quit says that it has ended', async () => {
    await using served = await serve({ ready: true })
    const { page, wrong } = await openPage(browser)
    await page.goto(served.web.url)
    await button(page, 'Quit').click()
    await page.getByText('rserv has ended').waitFor()
    await expect.poll(served.quits).toBeGreaterThan(0)
    expect(await button(page, 'Update').isDisabled()).toBe(true)
    expect(wrong).toEqual([])
    await page.close()
  })

  test.each(['light', 'dark'] as const)('no barrier for anybody, %s', async (colorScheme) => {
    await using served = await serve({ ready: true })
    const { page } = await openPage(browser, { colorScheme })
    await page.goto(served.web.url)
    await page.getByLabel('Master', { exact: true }).waitFor()
    expect(await barriers(page)).toEqual([])
    await page.close()
  })
})
