// One run of replicate in a process of its own, which dies or waits when it reaches a point. Tests only; see
// replicator.ts.
import { readSync, writeSync } from 'node:fs'
import { replicate } from '@rserv/core'

const { master, slave, killAt, pauseAt, options } = JSON.parse(process.env.RSERV_TEST_RUN)
const reached = new Set()

function say(line) {
  writeSync(1, `${JSON.stringify(line)}\n`)
}

function onEvent({ point, copy, table }) {
  if (copy === 'copied') say({ copied: table.name })
  if (!point || reached.has(point)) return
  reached.add(point)
  say({ point })
  if (point === killAt) process.kill(process.pid, 'SIGKILL')
  // Blocks the whole process, as a machine would that stands still.
  if (point === pauseAt) readSync(0, Buffer.alloc(1))
}

try {
  const { outcome, syncId } = await replicate(master, slave, { ...options, onEvent })
  say({ outcome, syncId })
} catch (error) {
  say({ code: error.code ?? String(error), message: error.message, hint: error.hint })
}
// An open pipe would keep it alive.
process.stdin.destroy()
