import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createMaster, createSlave } from '../running/config-file.ts'
import { UserFolder } from './folder.ts'
import type { Registry } from './registry.ts'
import { startRegistry } from './registry.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../examples/embed', import.meta.url))
const T = 'create table orders (id int primary key, v text)'

let registry: Registry
let folder: UserFolder
beforeAll(async () => {
  registry = await startRegistry()
  folder = new UserFolder(registry.settings)
  cpSync(EXAMPLE, folder.path, { recursive: true, filter: (path) => !/node_modules|dist/.test(path) })
  await folder.install()
  await folder.run('npm', 'run', 'build')
}, 300_000)
afterAll(async () => {
  folder[Symbol.dispose]()
  await registry[Symbol.asyncDispose]()
})

test('the example program keeps a slave up from published packages, and ends after the transfer in hand', async () => {
  await using master = await createMaster(T)
  await using slave = await createSlave(T)
  const child = spawn(process.execPath, ['dist/main.js', master.uri, slave.uri], { cwd: folder.path })
  const exited = once(child, 'exit')
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const until = async (wanted: string): Promise<void> => {
    for (;;) {
      const { value, done } = await lines.next()
      if (done) throw new Error(`it ended before: ${wanted}`)
      if (value === wanted) return
    }
  }
  await until('berlin is in-sync, 0 seconds behind')
  await master.query(`insert into orders values (1, 'a'), (2, 'b')`)
  await until('berlin: 2 rows, sync 2')
  child.kill('SIGINT')
  await until('berlin: stopped')
  expect(await exited).toEqual([0, null])
  expect(await slave.query('select count(*)::int as n from orders')).toEqual([{ n: 2 }])
})
