import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { createDatabase } from '@rserv/test-utils'
import { expect, test } from 'vitest'
import { databases, rserv, setUp } from './support.ts'

const BIN = fileURLToPath(new URL('../bin/rserv.js', import.meta.url))
const T = 'create table orders (id int primary key, v text)'

interface Line {
  readonly event: string
  readonly slave?: string
  readonly [name: string]: unknown
}

class Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly #lines: AsyncIterator<string>
  /** Read, and not asked for yet: two slaves speak in any order. */
  readonly #early: Line[] = []

  constructor(...args: string[]) {
    this.child = spawn(process.execPath, [BIN, 'run', ...args, '--json'])
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]()
  }

  /** The next line about it. */
  async until(wanted: Partial<Line>): Promise<Line> {
    const fits = (line: Line): boolean => Object.entries(wanted).every(([name, expected]) => line[name] === expected)
    const index = this.#early.findIndex(fits)
    const [early] = index === -1 ? [] : this.#early.splice(index, 1)
    if (early) return early
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done) throw new Error(`it ended before ${JSON.stringify(wanted)}`)
      const line = JSON.parse(value) as Line
      if (fits(line)) return line
      this.#early.push(line)
    }
  }

  async end(signal: NodeJS.Signals): Promise<number | null> {
    this.child.kill(signal)
    const [code] = (await once(this.child, 'exit')) as [number | null]
    return code
  }
}

test('run keeps two slaves up, cleans the log, and ends after the transfer in hand', async () => {
  await using pair = await databases(T)
  await using second = await createDatabase({ label: 'cli_s2' })
  await second.query(T)
  await setUp(pair)
  await rserv('slave-init', second.uri)
  await rserv('slave-add-table', second.uri, 'orders')
  const names = [pair.slave.name, second.name]
  const running = new Running(pair.master.uri, pair.slave.uri, second.uri, '--clean-every', '1')
  for (const slave of names) await running.until({ event: 'connected', slave })
  await pair.master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'cleaned', rows: 1 })
  for (const { query } of [pair.slave, second]) expect(await query('table orders')).toEqual([{ id: 1, v: 'a' }])
  expect(await running.end('SIGTERM')).toBe(0)
})

test('run: a slave that is down is tried again and does not delay another', async () => {
  await using pair = await databases(T)
  await setUp(pair)
  const down = 'host=127.0.0.1 port=1 dbname=down user=nobody'
  const running = new Running(pair.master.uri, pair.slave.uri, down)
  expect(await running.until({ event: 'failed', slave: 'down' })).toMatchObject({ code: 'CONNECT' })
  await pair.master.query(`insert into orders values (1, 'a')`)
  await running.until({ event: 'applied', slave: pair.slave.name })
  await running.until({ event: 'failed', slave: 'down' })
  expect(await running.end('SIGINT')).toBe(0)
})

test('run: what cannot pass ends it with its reason', async () => {
  await using pair = await databases(T)
  await setUp(pair)
  const running = new Running(pair.slave.uri, pair.master.uri)
  const [code] = (await once(running.child, 'exit')) as [number]
  expect(code).toBe(1)
})
