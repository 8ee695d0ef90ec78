// Every link of every page leads somewhere: to a file of the repository, and to a heading of it where it names one.
// The same for pages that the source mentions: `docs/….md`.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import GithubSlugger from 'github-slugger'
import { marked } from 'marked'
import { ROOT } from './workspace.mjs'

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)))
const pages = new Map()
const wrong = []

/** Headings and links of a page. */
function read(file) {
  if (pages.has(file)) return pages.get(file)
  const slugger = new GithubSlugger()
  const page = { anchors: new Set(), links: [] }
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/^---\n[^]*?\n---\n/, '')
  marked.walkTokens(marked.lexer(text), (token) => {
    if (token.type === 'heading') page.anchors.add(slugger.slug(plainText(token)))
    if (token.type === 'link' || token.type === 'image') page.links.push(token.href)
    if (token.type === 'html')
      for (const [, id] of token.text.matchAll(/<a (?:id|name)="([^"]+)"/g)) page.anchors.add(id)
  })
  pages.set(file, page)
  return page
}

function plainText(token) {
  if (!token.tokens) return token.text ?? ''
  return token.tokens.map(plainText).join('')
}

function check(file, href) {
  if (/^[a-z]+:/i.test(href)) return
  const [path, anchor] = decodeURI(href).split('#')
  const target = path === '' ? file : relative(ROOT, join(ROOT, dirname(file), path))
  if (!existsSync(join(ROOT, target))) wrong.push(`${file}: there is no ${target} (link ${href})`)
  else if (anchor && target.endsWith('.md') && !read(target).anchors.has(anchor)) {
    wrong.push(`${file}: ${target} has no heading #${anchor}`)
  }
}

for (const file of files.filter((name) => name.endsWith('.md') && !name.startsWith('.changeset/'))) {
  for (const href of read(file).links) check(file, href)
}
for (const file of files.filter((name) => /\.(ts|mjs|js|sql|json|yml|yaml)$/.test(name) && name !== 'pnpm-lock.yaml')) {
  const text = readFileSync(join(ROOT, file), 'utf8')
  for (const [page] of text.matchAll(/\bdocs\/[\w/-]+\.md\b/g)) {
    if (!existsSync(join(ROOT, page))) wrong.push(`${file}: there is no ${page}`)
  }
}
for (const line of wrong) console.error(line)
process.exitCode = wrong.length === 0 ? 0 : 1
