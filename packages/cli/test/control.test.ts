import { expect, test } from 'vitest'
import { databases, rserv, rservJson, setUp } from './support.ts'
import { runCli } from '@rserv/test-utils'

test('pause, resume and throttle say what they changed, and refuse what they cannot know', async () => {
  await using pair = await databases('create table orders (id int primary key)')
  const { master, slave } = pair
  await setUp(pair)
  const early = await runCli(['pause', master.uri])
  expect(early).toMatchObject({ code: 1, stderr: expect.stringContaining('after its first transfer') })
  await rserv('replicate', master.uri, slave.uri, '--server', 'berlin')
  expect((await rserv('pause', master.uri)).stdout).toBe('berlin: paused\n')
  expect((await rserv('status', master.uri)).stdout).toMatch(/^! slave berlin is paused since .*: rserv resume$/m)
  expect((await rserv('pause', master.uri, 'berlin')).stdout).toBe('berlin: was paused already\n')
  expect(await rservJson('resume', master.uri, 'berlin')).toEqual({ servers: ['berlin'], changed: ['berlin'] })
  expect((await rserv('throttle', master.uri, '--bytes', '2MB', '--pause', '1')).stdout).toBe('berlin: throttled\n')
  expect(await master.query('select throttle from rserv.server')).toEqual([
    { throttle: { bytesPerSecond: 2 * 1024 * 1024, pauseMs: 1000 } },
  ])
  expect((await rserv('throttle', master.uri, 'berlin', '--off')).stdout).toBe('berlin: no longer throttled\n')
  for (const args of [[], ['--rows', '5', '--off'], ['--bytes', 'much'], ['--rows', '0']]) {
    expect(await runCli(['throttle', master.uri, ...args])).toMatchObject({ code: 2 })
  }
})
