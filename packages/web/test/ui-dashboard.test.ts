import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase, onServer, runCli, sharedServer } from '@rserv/test-utils'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { barriers, noBrowser, openBrowser, openPage, PHONE, scrollsSideways, SLOW, WHY_SKIPPED } from './browser.ts'
import { RunningUi } from './running-ui.ts'
import { picture } from './screenshots.ts'

const TABLES = `create table orders (id serial primary key, customer text, amount numeric);
  create table customers (id int primary key, name text);
  create table test (id serial primary key, data text)`

let master: TestDatabase
let berlin: TestDatabase
let paris: TestDatabase
let ui: RunningUi
let browser: Browser

async function run(...args: string[]): Promise<void> {
  expect(await runCli(args)).toMatchObject({ code: 0 })
}

/** Nobody can connect to it any more, as when its server is stopped; or everybody again. */
async function setUp(database: TestDatabase, up: boolean): Promise<void> {
  await onServer(sharedServer(), async (client) => {
    await client.query(`alter database "${database.name}" allow_connections ${up}`)
    if (up) return
    await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database.name])
  })
}

const slave = (page: Page, database: TestDatabase) => page.locator('.slave').filter({ hasText: database.name })
const positionOf = (page: Page, database: TestDatabase) => slave(page, database).locator('dd').first().textContent()

describe.skipIf(noBrowser)(`the dashboard of a service with two slaves${WHY_SKIPPED}`, SLOW, () => {
  beforeAll(async () => {
    master = await createDatabase({ label: 'shop' })
    berlin = await createDatabase({ label: 'berlin' })
    paris = await createDatabase({ label: 'paris' })
    for (const { query } of [master, berlin, paris]) await query(TABLES)
    await run('master-init', master.uri)
    await run('master-add-table', master.uri, '--all')
    for (const slave of [berlin, paris]) {
      await run('slave-init', slave.uri)
      await run('slave-add-table', slave.uri, '--all')
    }
    await master.query(`insert into orders (customer, amount) select 'c' || n, n from generate_series(1, 2000) n`)
    ui = new RunningUi(['ui', master.uri, berlin.uri, paris.uri])
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await ui?.[Symbol.asyncDispose]()
    for (const database of [master, berlin, paris]) await database?.[Symbol.asyncDispose]()
  })

  test('it shows both, and lives: one is stopped, the other goes on, the first comes back', async () => {
    const { page, wrong } = await openPage(browser)
    await page.goto(await ui.url)
    for (const database of [berlin, paris]) await slave(page, database).filter({ hasText: 'in sync' }).waitFor()
    await page.locator('#connection').filter({ hasText: 'live' }).waitFor()
    const before = await positionOf(page, berlin)
    expect(before).toMatch(/^sync \d+$/)
    await setUp(paris, false)
    await slave(page, paris).filter({ hasText: 'retrying' }).waitFor()
    const errors = page.getByRole('region', { name: 'Errors' })
    await errors.filter({ hasText: paris.name }).filter({ hasText: 'CONNECT' }).waitFor()
    await expect.poll(() => page.title()).toMatch(/^\(\d+\) rserv$/)
    await master.query(`insert into orders (customer, amount) values ('live', 1)`)
    await expect.poll(() => positionOf(page, berlin), { timeout: 30_000 }).not.toBe(before)
    const behind = slave(page, paris)
      .locator('.facts > div')
      .filter({ hasText: /^Behind.*\d rows?/ })
    await behind.waitFor()
    await page
      .locator('#activity')
      .filter({ hasText: /sync \d+: / })
      .waitFor()
    await page.getByRole('row').filter({ hasText: 'orders' }).filter({ hasText: 'synced' }).waitFor()
    expect(await page.locator('#lag-chart canvas').count()).toBe(1)
    await picture(page, 'ui-dashboard')
    await setUp(paris, true)
    await slave(page, paris).filter({ hasText: 'in sync' }).waitFor()
    await errors.waitFor({ state: 'hidden' })
    expect(wrong).toEqual([])
    await page.close()
  })

  test('where events do not arrive the page asks for the state instead', async () => {
    const { page } = await openPage(browser)
    await page.route('**/api/events', (route) => route.abort())
    await page.goto(await ui.url)
    await page.locator('#connection').filter({ hasText: 'every 2 s' }).waitFor()
    const before = await positionOf(page, berlin)
    await master.query(`insert into orders (customer, amount) values ('polled', 1)`)
    await expect.poll(() => positionOf(page, berlin), { timeout: 30_000 }).not.toBe(before)
    await page.close()
  })

  test('a name in the database is text, whatever is in it', async () => {
    const name = `<img src=x onerror="document.title='bad'">`
    for (const { query } of [master, berlin])
      await query(`create table "${name.replaceAll('"', '""')}" (id int primary key)`)
    await run('master-add-table', master.uri, '--all')
    await run('slave-add-table', berlin.uri, '--all')
    const { page } = await openPage(browser)
    await page.goto(await ui.url)
    await page.getByRole('row').filter({ hasText: name }).waitFor()
    expect(await page.locator('img').count()).toBe(0)
    await page.getByPlaceholder('Filter by name').fill('onerror')
    await page.getByRole('row').filter({ hasText: 'customers' }).waitFor({ state: 'hidden' })
    expect(await page.getByRole('row').count()).toBe(2)
    await page.close()
  })

  test.each(['light', 'dark'] as const)(
    'on a phone and on a desk, %s: no barrier, nothing beside the screen',
    async (colorScheme) => {
      for (const [size, viewport] of [
        ['desk', undefined],
        ['phone', PHONE],
      ] as const) {
        const { page, wrong } = await openPage(browser, { colorScheme, ...(viewport ? { viewport } : {}) })
        await page.goto(await ui.url)
        for (const database of [berlin, paris]) await slave(page, database).filter({ hasText: 'in sync' }).waitFor()
        expect([size, await scrollsSideways(page)]).toEqual([size, false])
        expect([size, await barriers(page)]).toEqual([size, []])
        const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor)
        expect(paper).toBe(colorScheme === 'light' ? 'rgb(244, 245, 247)' : 'rgb(18, 21, 24)')
        await picture(page, `ui-${size}-${colorScheme}`)
        expect(wrong).toEqual([])
        await page.close()
      }
    },
  )

  test('the reader chooses the colours, and is remembered', async () => {
    const { page } = await openPage(browser, { colorScheme: 'light' })
    await page.goto(await ui.url)
    const paper = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    expect(await paper()).toBe('rgb(244, 245, 247)')
    await page.getByRole('radio', { name: 'Dark' }).check()
    expect(await paper()).toBe('rgb(18, 21, 24)')
    await page.reload()
    expect(await paper()).toBe('rgb(18, 21, 24)')
    expect(await page.getByRole('radio', { name: 'Dark' }).isChecked()).toBe(true)
    await page.getByRole('radio', { name: 'Auto' }).check()
    expect(await paper()).toBe('rgb(244, 245, 247)')
    await page.close()
  })

  test('the keyboard is enough: every control is reached, is seen to be, and works', async () => {
    const { page } = await openPage(browser)
    await page.goto(await ui.url)
    for (const database of [berlin, paris]) await slave(page, database).filter({ hasText: 'in sync' }).waitFor()
    const stops = await walk(page)
    for (const wanted of ['demo-master', 'demo-slave', 'demo-update', 'demo-text', 'demo-replicate', 'demo-show']) {
      expect(stops.map(({ id }) => id)).toContain(wanted)
    }
    const names = stops.map(({ name }) => name)
    for (const wanted of ['theme', 'lag-unit', 'lag-range']) expect(names).toContain(wanted)
    expect(stops.filter(({ seen }) => !seen)).toEqual([])
    // The demonstration without a mouse.
    await page.reload()
    await tabTo(page, 'demo-text')
    await page.keyboard.type('by keyboard')
    await page.keyboard.press('Enter')
    await page.locator('#demo-message').filter({ hasText: 'was written' }).waitFor()
    await tabTo(page, 'demo-replicate')
    await page.keyboard.press('Enter')
    await page
      .locator('#demo-message')
      .filter({ hasText: /Replicated|Sync-ed/ })
      .waitFor()
    await tabTo(page, 'demo-show')
    await page.keyboard.press('Space')
    await page.locator('#demo-value').filter({ hasText: 'by keyboard' }).waitFor()
    await page.close()
  })
})

interface Stop {
  readonly id: string
  readonly name: string
  readonly seen: boolean
}

/** Where the Tab key leads, until it is back at the beginning. */
async function walk(page: Page): Promise<Stop[]> {
  const stops: Stop[] = []
  for (let steps = 0; steps < 80; steps++) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate(focused)
    if (stop === null) break
    stops.push(stop)
  }
  return stops
}

async function tabTo(page: Page, id: string): Promise<void> {
  for (let steps = 0; steps < 80; steps++) {
    if (await page.evaluate((wanted) => document.activeElement?.id === wanted, id)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`Tab does not lead to ${id}`)
}

/** Runs in the page. What has the focus, and whether it, or its label, is outlined. */
function focused(): Stop | null {
  const element = document.activeElement
  if (!element || element === document.body) return null
  const shown = [element, element.nextElementSibling].some(
    (one) =>
      one !== null && getComputedStyle(one).outlineStyle !== 'none' && getComputedStyle(one).outlineWidth !== '0px',
  )
  return { id: element.id, name: element.getAttribute('name') ?? '', seen: shown }
}
