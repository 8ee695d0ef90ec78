import { readFileSync } from 'node:fs'
import { createService } from '@rserv/service'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/config/read.ts'
import { configJsonSchema } from '../../src/config/schema.ts'
import { configText } from '../../src/config/template.ts'
import { toMasters } from '../../src/config/to-spec.ts'
import { withoutPassword } from '../../src/config/without-password.ts'
import { UsageError } from '../../src/errors.ts'

const FULL = `
masters:
  - name: shop
    database: service=shop
    clean: { every: 5min, keep: 1d }
    logLimit: { size: 20GB, over: detach }
    slaves:
      - name: berlin
        database: host=b dbname=shop
        paused: true
        throttle: { rows: 5000, bytes: 2MB, pause: 500ms }
        pace: { idle: 1, busy: 2s, retry: 1min, parked: 1h }
      - { name: paris, database: postgres://repl@p/shop }
http: { listen: '127.0.0.1:8432', tokenFile: /etc/rserv/token }
log: { level: debug, format: json }
`

/** What is wrong with it. */
function problems(text: string): string {
  try {
    parseConfig(text, 'rserv.yaml')
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error('it was taken')
}

const slaves = '    slaves: [{ name: s, database: s }]\n'
const master = `masters:\n  - name: m\n    database: m\n`

test('durations become seconds, sizes bytes, and all of it the specification of a service', async () => {
  const masters = await toMasters(parseConfig(FULL, 'f'), async (database) => ({ database }))
  const [shop] = masters
  expect(shop).toMatchObject({
    name: 'shop',
    clean: { everySeconds: 300, keepSeconds: 86_400 },
    logLimit: { bytes: 20 * 1024 ** 3, over: 'detach' },
    slaves: [
      {
        name: 'berlin',
        server: 'berlin',
        identity: 'host=b dbname=shop',
        paused: true,
        throttle: { rowsPerSecond: 5000, bytesPerSecond: 2 * 1024 ** 2, pauseMs: 500 },
        idleMs: 1000,
        busyMs: 2000,
        retryMs: 60_000,
        parkedRetryMs: 3_600_000,
      },
      { name: 'paris', throttle: undefined },
    ],
  })
})

test('a file may say nothing of what has defaults', async () => {
  const [m] = await toMasters(parseConfig(master + slaves, 'f'), async (database) => ({ database }))
  expect(m).toMatchObject({ clean: { everySeconds: 60, keepSeconds: 0 }, logLimit: null })
})

describe('what is wrong is told with its line', () => {
  test.each([
    ['', /line 1: masters: is missing/],
    ['masters: []', /line 1: masters: .*>=1/],
    [master, /line 2: masters\[0\]\.slaves: is missing/],
    [`${master}${slaves}    color: red\n`, /line 2: masters\[0\]: unknown: color/],
    [
      `${master}    slaves:\n      - name: s\n        databas: s\n`,
      /line 5: masters\[0\]\.slaves\[0\]\.database: is missing/,
    ],
    [
      `${master}${slaves}    clean: { every: soon }\n`,
      /line 5: masters\[0\]\.clean\.every: .*a number of seconds, or one with/,
    ],
    [`${master}${slaves}    logLimit: { size: 1MB }\n`, /line 5: masters\[0\]\.logLimit\.size: at least 16MB/],
    [`${master}    slaves: [{ name: s, database: s }, { name: s, database: t }]\n`, /two slaves of m are called s/],
    [`${master}${slaves}http: { listen: here }\n`, /line 5: http\.listen: HOST:PORT/],
    [`${master}  bad: [\n`, /line \d+: /],
  ])('%j', (text, expected) => {
    expect(problems(text)).toMatch(expected)
  })
})

test('the schema for editors is current: npm run schema', () => {
  const file = new URL('../../schema/rserv.schema.json', import.meta.url)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(configJsonSchema())))
})

function entry(name: string): { name: string; database: string } {
  return { name, database: `host=h dbname='${name}'` }
}

test('what init writes is valid, also where a name looks like something else', () => {
  const text = configText({ schema: './s.json', master: entry('true'), slave: entry('12'), notes: ['one\ntwo'] })
  expect(parseConfig(text, 'f')).toMatchObject({
    masters: [
      { name: 'true', clean: { every: 60, keep: 0 }, slaves: [{ name: '12', database: "host=h dbname='12'" }] },
    ],
  })
  // Everything that is a comment in it is valid too.
  const all = text.replaceAll(/^( *)# (?=[a-zA-Z]+:( |$))/gm, '$1').replaceAll(/^( *)# {3}(?=[a-zA-Z]+: )/gm, '$1  ')
  expect(() => parseConfig(all, 'f')).not.toThrow()
  expect(Object.keys(parseConfig(all, 'f'))).toEqual(['masters', 'http', 'log'])
})

test.each([
  ['shop', { host: 'h' }, 'host=h port=5432 dbname=shop user=me'],
  ['postgres://u:secret@h/d?sslmode=require', {}, 'host=h port=5432 dbname=d user=u sslmode=require'],
  ["dbname='my db' password=secret", {}, "host=db port=5432 dbname='my db' user=me"],
  ['service=shop password=secret', {}, 'service=shop'],
])('%s is written without a password', (typed, flags, expected) => {
  const resolved = { host: 'db', port: 5432, user: 'me', database: 'shop', password: 'secret' }
  expect(withoutPassword(typed, { ...flags, password: 'secret' }, resolved)).toBe(expected)
})

test('two masters of one name are refused by the service as well', () => {
  const m = { name: 'm', source: {}, slaves: [] }
  expect(() => createService({ masters: [m, m], backends: () => Promise.reject(new Error('none')) })).toThrow(
    'two masters are called m',
  )
})
