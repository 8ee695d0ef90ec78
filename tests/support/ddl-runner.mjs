// One run of ddl in a process of its own, which dies when it reaches a point. Tests only; see faults/kill-ddl.test.ts.
import { writeSync } from 'node:fs'
import { ddl } from '@rserv/core'
import { backend } from '@rserv/trigger-plpgsql'

const { master, slaves, script, killAt, times = 1 } = JSON.parse(process.env.RSERV_TEST_RUN)
let left = times

function say(line) {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

function onEvent({ point }) {
  if (!point) return
  say({ point })
  if (point === killAt && --left === 0) process.kill(process.pid, 'SIGKILL')
}

const { outcome, slaves: done } = await ddl(master, slaves, { script, backends: async () => backend, onEvent })
say({ outcome, done })
