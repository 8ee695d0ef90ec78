// Data flows one way: a folder of core may import only those named before it. Core knows no other package.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, sep } from 'node:path'
import { ROOT } from './workspace.mjs'

const ORDER = [
  'shared',
  'database',
  'capture',
  'log',
  'changes',
  'ddl',
  'transfer',
  'apply',
  'acknowledge',
  'clean',
  'record',
  'verify',
  'check',
  'schema',
  'operations',
  'roles',
]
const SOURCE = join(ROOT, 'packages', 'core', 'src')
const wrong = []

for (const file of readdirSync(SOURCE, { recursive: true }).filter((name) => name.endsWith('.ts'))) {
  const layer = ORDER.indexOf(file.split(sep)[0])
  const text = readFileSync(join(SOURCE, file), 'utf8')
  for (const [, target] of text.matchAll(/from '([^']+)'/g)) {
    if (target.startsWith('@rserv/')) wrong.push(`${file} imports ${target}: core depends on no other package`)
    if (!target.startsWith('.') || layer === -1) continue
    const to = relative(SOURCE, join(SOURCE, dirname(file), target)).split(sep)[0]
    if (ORDER.indexOf(to) > layer) wrong.push(`${file} imports from ${to}, which comes later in the flow`)
  }
}

for (const line of wrong) console.error(line)
process.exitCode = wrong.length === 0 ? 0 : 1
