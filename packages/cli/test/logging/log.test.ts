import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { stripVTControlCharacters } from 'node:util'
import type { ServiceEvent } from '@rserv/service'
import { expect, test } from 'vitest'
import { redact } from '../../src/connection/redact.ts'
import { LOG_CODES } from '../../src/logging/codes.ts'
import type { Log, LogOptions } from '../../src/logging/log.ts'
import type { OptionValues } from '../../src/options.ts'
import { openLog } from '../../src/logging/log.ts'
import { logOf } from '../../src/logging/open.ts'
import { Moved } from '../../src/logging/moved.ts'
import { tellEvent, tellNotice } from '../../src/logging/tell-event.ts'

const ABOUT = { at: '2026-11-26T12:00:00.000Z', master: 'shop', slave: 'berlin' }
const PROBLEM = { code: 'CONNECT', message: '100%s refused', hint: 'Is it "up"?', at: ABOUT.at }

async function linesOf(
  work: (log: Log) => void,
  options: Partial<LogOptions> & { tty?: boolean } = {},
): Promise<string> {
  const stream = Object.assign(new PassThrough(), { isTTY: options.tty ?? false })
  const written = text(stream)
  work(openLog({ format: 'text', level: 'info', hide: (line) => line, ...options, stream }))
  stream.end()
  return written
}

/** What a command writes that wants its log like this. */
async function write(options: OptionValues, ...wishes: { format?: string; level?: string }[]): Promise<string> {
  const stdout = new PassThrough()
  const written = text(stdout)
  const log = logOf({ context: { stdout }, options, hide: (line) => line }, ...wishes)
  log.say('cleaned', 'debug')
  log.say('notice', 'warn')
  stdout.end()
  return written
}

test('as text a line is time, level, code, whom it is about, message and hint', async () => {
  const written = await linesOf((log) => {
    tellEvent(log, { ...ABOUT, kind: 'failed', problem: PROBLEM, retryInMs: 1500 })
    log.say('listening', 'listening on http://127.0.0.1:1', { url: 'http://127.0.0.1:1' })
  })
  const [failed, listening, rest] = written.split('\n')
  expect(failed).toMatch(
    /^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}failed shop\/berlin: 100%s refused; trying again in 1\.5 s \(Is it "up"\?\)$/,
  )
  expect(listening).toMatch(/Z info {2}listening: listening on http:\/\/127\.0\.0\.1:1$/)
  expect(rest).toBe('')
})

test('as JSON a line is one document with stable fields', async () => {
  const written = await linesOf(
    (log) => {
      tellEvent(log, { ...ABOUT, kind: 'failed', problem: PROBLEM, retryInMs: 1500 })
      const table = { schema: 'a.b', name: 'C "d"' }
      tellEvent(log, { ...ABOUT, kind: 'parked', table, problem: PROBLEM })
    },
    { format: 'json' },
  )
  const [failed, parked] = written
    .trimEnd()
    .split('\n')
    .map((line): unknown => JSON.parse(line))
  expect(failed).toEqual({
    at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    level: 'warn',
    event: 'failed',
    master: 'shop',
    slave: 'berlin',
    code: 'CONNECT',
    hint: 'Is it "up"?',
    retryInMs: 1500,
    message: '100%s refused; trying again in 1.5 s',
  })
  expect(parked).toMatchObject({ level: 'error', event: 'parked', table: { schema: 'a.b', name: 'C "d"' } })
})

test('lines of lower levels are left out, and what was applied is summed up', async () => {
  const applied: ServiceEvent = { ...ABOUT, kind: 'applied', syncId: '7', rows: 2, bytes: 10, elapsedMs: 3, tables: [] }
  const moved = new Moved()
  const work = (log: Log): void => {
    for (const event of [applied, applied]) {
      tellEvent(log, event)
      moved.note(event)
    }
    tellNotice(log, { kind: 'debug', message: 'a step' })
    tellNotice(log, { kind: 'notice', message: 'a notice' })
    moved.tell(log)
    moved.tell(log)
  }
  const events = async (level: LogOptions['level']): Promise<string[]> => {
    const lines = (await linesOf(work, { format: 'json', level })).trimEnd().split('\n')
    return lines.map((line) => (JSON.parse(line) as { event: string }).event)
  }
  expect(await events('debug')).toEqual(['applied', 'applied', 'step', 'notice', 'moved'])
  expect(await events('info')).toEqual(['notice', 'moved'])
  const written = await linesOf(work, { format: 'json' })
  expect(JSON.parse(written.split('\n')[1] ?? '')).toMatchObject({ transfers: 2, rows: 4, bytes: 20, failures: 0 })
})

test('a name or message of many lines stays one line, and commands no terminal', async () => {
  const message = 'a\n2026-01-01T00:00:00Z error ended: forged\u001B[2J\u2028b'
  for (const format of ['text', 'json'] as const) {
    const written = await linesOf((log) => log.say('notice', message), { format, tty: true })
    expect(written.trimEnd().split(format === 'text' ? /[\n\u2028]/ : '\n')).toHaveLength(1)
    expect(stripVTControlCharacters(written)).toContain('forged\\u001b[2J')
  }
})

test.each(['text', 'json'] as const)('passwords never reach the log (%s)', async (format) => {
  const secret = 'pa"ss\\w\u00F6rd'
  const problem = { ...PROBLEM, message: `it is ${secret}`, hint: `postgres://u:p%40ss@h/d password='o\\'ther'` }
  const written = await linesOf(
    (log) => {
      tellEvent(log, { ...ABOUT, kind: 'failed', problem, retryInMs: 1 })
      log.say('notice', 'nested', { deep: [{ text: `x${secret}` }] })
    },
    { format, hide: (line) => redact(line, [secret]) },
  )
  expect(written).not.toContain('w\u00F6rd')
  expect(written).not.toContain('p%40ss')
  expect(written).not.toContain('ther')
  expect(written).toContain('***')
})

test('the first wish for format and level holds; --json means JSON', async () => {
  expect(await write({})).toMatch(/^\S+ warn {2}notice: warn\n$/)
  expect(await write({ json: true })).toMatch(/^\{.*\}\n$/)
  expect(await write({ json: true }, { format: 'text' }, { level: 'debug' })).toMatch(
    /^\S+ debug cleaned: debug\n.*\n$/,
  )
  expect(await write({}, {}, { format: 'json', level: 'debug' })).toMatch(/^\{.*\}\n\{.*\}\n$/)
  expect(await write({}, { format: 'text', level: 'error' }, { format: 'json', level: 'debug' })).toBe('')
  await expect(write({}, { level: 'loud' })).rejects.toMatchObject({ hint: /debug, info, warn, error/ })
  await expect(write({}, { format: 'xml' })).rejects.toMatchObject({ hint: /text or json/ })
})

test('every code says its level and what it means', () => {
  for (const [code, { meaning }] of Object.entries(LOG_CODES)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(meaning).toMatch(/\.$/)
  }
})
