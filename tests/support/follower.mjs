// Follows in a process of its own, and dies at a point of a quick transfer. Tests only; see faults/kill-quick.test.ts.
import { writeSync } from 'node:fs'
import { follow } from '@rserv/core'

const { master, slave, killAt } = JSON.parse(process.env.RSERV_TEST_RUN)
let ready = false
let quick = true

function onEvent({ point }) {
  if (!ready || !point) return
  if (point === 'changes.planned') quick = false
  writeSync(1, `${JSON.stringify({ point, quick })}\n`)
  if (point === killAt && quick) process.kill(process.pid, 'SIGKILL')
}

for await (const { kind } of follow(master, slave, { onEvent })) {
  if (kind !== 'in-sync') continue
  ready = true
  writeSync(1, `${JSON.stringify({ ready })}\n`)
}
