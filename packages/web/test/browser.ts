import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type Axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { chromium } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome']

/** The browser of this machine: RSERV_TEST_BROWSER, else a Chromium on the path. */
const executablePath =
  process.env['RSERV_TEST_BROWSER'] ??
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find((file) => existsSync(file))

/** For `describe.skipIf`: the name of what is skipped says why. */
export const noBrowser = executablePath === undefined

/** Ends the name of a group of tests: says why they are skipped, where they are. */
export const WHY_SKIPPED = noBrowser ? ' (no Chromium here: apt-get install chromium, or RSERV_TEST_BROWSER=FILE)' : ''

/** A browser on a busy machine takes its time. */
export const SLOW = { timeout: 180_000 }

/** A browser with a folder of its own. */
export async function openBrowser(): Promise<Browser> {
  const home = mkdtempSync(join(tmpdir(), 'rserv-browser-'))
  const browser = await chromium.launch({
    executablePath: executablePath ?? '',
    env: { ...process.env, HOME: home },
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-dev-shm-usage',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  })
  browser.once('disconnected', () => rmSync(home, { recursive: true, force: true }))
  return browser
}

export const DESKTOP = { width: 1440, height: 900 }
export const PHONE = { width: 390, height: 844 }

/** A page that remembers what went wrong in it: errors, and everything that it wrote to its console. */
export async function openPage(
  context: BrowserContext | Browser,
  options: { viewport?: typeof DESKTOP; colorScheme?: 'light' | 'dark' } = {},
): Promise<{ page: Page; wrong: string[] }> {
  const page = await context.newPage({ viewport: DESKTOP, ...options })
  const wrong: string[] = []
  page.on('pageerror', (error) => wrong.push(error.message))
  page.on('console', (message) => wrong.push(message.text()))
  page.setDefaultTimeout(40_000)
  return { page, wrong }
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What stands against the use of the page by everybody, by the rules of WCAG 2.2 AA. */
export async function barriers(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  return page.evaluate(async () => {
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const { axe } = globalThis as unknown as { axe: typeof Axe }
    const { violations } = await axe.run(document, { runOnly: { type: 'tag', values: tags } })
    return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(' ')}`))
  })
}

/** Does the page need to be moved sideways? */
export async function scrollsSideways(page: Page): Promise<boolean> {
  return page.evaluate(() => document.documentElement.scrollWidth > globalThis.innerWidth)
}
