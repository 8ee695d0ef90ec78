import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'

const FOLDER = fileURLToPath(new URL('../../../docs/images/', import.meta.url))

/** Takes a picture for the docs; only where they are wanted (`npm run screenshots`), otherwise it does nothing. */
export async function picture(page: Page, name: string): Promise<void> {
  if (!process.env['RSERV_SCREENSHOTS']) return
  mkdirSync(FOLDER, { recursive: true })
  await page.evaluate(withoutRandomNames)
  await page.screenshot({ path: `${FOLDER}${name}.png`, fullPage: true, animations: 'disabled' })
}

/** Runs in the page: the tests' databases have names that nobody has taken. */
function withoutRandomNames(): void {
  const random = /rserv_test_([a-z_]+)_[0-9a-f]{10}/g
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    node.nodeValue = (node.nodeValue ?? '').replaceAll(random, '$1')
  }
  for (const input of document.querySelectorAll('input')) input.value = input.value.replaceAll(random, '$1')
}
