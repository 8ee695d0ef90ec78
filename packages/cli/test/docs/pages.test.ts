import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { readPage } from './page.ts'
import { missing, runPage } from './run-page.ts'
import { Stage } from './stage.ts'

const DOCS = new URL('../../../../docs/', import.meta.url)

/** Every guide is one; a new one needs no line here. */
const PAGES = ['tutorial.md', ...readdirSync(new URL('guides/', DOCS)).map((name) => `guides/${name}`), '../README.md']

/** Of the README, the part that is for users. */
function textOf(name: string): string {
  const text = readFileSync(new URL(name, DOCS), 'utf8')
  return name === '../README.md' ? text.slice(text.indexOf('\n## Five minutes')) : text
}

const stage = new Stage()
afterAll(() => stage[Symbol.asyncDispose]())

/** Tests that follow pages of their own, such as those that need a world of their own: whose source names the page. */
function otherTest(name: string): string | undefined {
  const page = basename(name, '.md')
  const folders = ['tests/', 'packages/cli/test/published/'].map((folder) => new URL(`../${folder}`, DOCS))
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .map((file) => fileURLToPath(new URL(file, folder))),
  )
  return files.find((file) => {
    const source = readFileSync(file, 'utf8')
    return source.includes('docs/guides/') && (source.includes(`'${page}'`) || source.includes(`${page}.md`))
  })
}

const pages = PAGES.map((name) => ({ name, text: textOf(name) }))
/** Those that this test follows set a scene, or say block by block who runs them. */
const isHere = ({ text }: { text: string }): boolean => /<!-- scene| elsewhere=/.test(text)

describe('what the documentation tells to do works as told', () => {
  for (const { name, text } of pages.filter(isHere)) {
    const page = readPage(text)
    const lacking = missing(page)
    const needs = lacking.length === 0 ? '' : ` (needs ${lacking.join(', ')})`
    test.skipIf(lacking.length > 0)(`${name}${needs}`, { timeout: 300_000 }, () => runPage(page, stage))
  }

  test('pages without a scene are followed by tests of their own', () => {
    const others = pages.filter((page) => !isHere(page) && page.text.includes('```sh'))
    for (const { name } of others) {
      expect(otherTest(name), `${name} has no <!-- scene {…} -->, and no other test follows it`).toBeDefined()
    }
  })
})

const follow = (text: string): Promise<void> => runPage(readPage(text), stage)

describe('the tests of pages', () => {
  const SCENE = '<!-- scene {"services": {"shop": {}}} -->\n\n'

  test('run what is there, in one shell, and compare what it prints', async () => {
    await follow(
      `${SCENE}\`\`\`sh\nNAME=world\ncd ..\n\`\`\`\n\n\`\`\`sh\necho "hello  $NAME"\n\`\`\`\n\n\`\`\`output\nhel…world\n\`\`\``,
    )
    await follow(
      `${SCENE}\`\`\`sql on=shop\ncreate table t ()\n\`\`\`\n\n\`\`\`sh\npsql -c 'table t' service=shop\n\`\`\``,
    )
    await follow('```text file=a.txt\none\n```\n\n```sh\ngrep one a.txt\n```')
  })

  test('fail where a command fails, prints something else, or does not fail', async () => {
    await expect(follow('Some text.\n\n```sh\ntrue\nfalse\ntrue\n```')).rejects.toThrow('line 3: a command failed')
    await expect(follow('```sh\necho one\n```\n\n```output\ntwo\n```')).rejects.toThrow('it printed:\none')
    await expect(follow('```sh\necho one; echo two\n```\n\n```output\none\n```')).rejects.toThrow('it printed')
    await expect(follow('```sh fails\ntrue\n```')).rejects.toThrow('no command failed')
    await expect(follow(`${SCENE}\`\`\`sql on=shop\nselect 1 / 0\n\`\`\``)).rejects.toThrow('division by zero')
  })

  test('can let a server crash, and start it again', async () => {
    const scene =
      '<!-- scene {"services": {"shop": {"server": "one"}}} -->\n\n```sql on=shop\ncreate table t ()\n```\n\n'
    const down = '<!-- stop one -->\n\n```sh fails\npsql -c "table t" service=shop\n```\n\n'
    await follow(`${scene}${down}<!-- start one -->\n\n\`\`\`sh\npsql -c "table t" service=shop\n\`\`\``)
  })

  test('refuse blocks that nobody would run', async () => {
    await expect(() => follow('```sql\nselect 1\n```')).toThrow('is run by nobody')
    await expect(() => follow('```sh elsewhere=packages/cli/test/docs/page.ts\nrm -r /x\n```')).toThrow('does not run')
    await expect(() => follow('```output\none\n```')).toThrow('follows no commands')
  })
})
