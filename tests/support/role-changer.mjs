// One change of roles in a process of its own, which dies when it reaches a point. Tests only; see tests/roles/kill.test.ts.
import { writeSync } from 'node:fs'
import { promote, rejoin, switchover } from '@rserv/core'

const { what, killAt, args } = JSON.parse(process.env.RSERV_TEST_RUN)
const options = {
  onEvent({ point }) {
    if (!point) return
    writeSync(1, `${JSON.stringify({ point })}\n`)
    if (point === killAt) process.kill(process.pid, 'SIGKILL')
  },
}
const CHANGES = {
  switchover: ([master, slave, ...others]) => switchover(master, slave, { ...options, others }),
  promote: ([slave, ...others]) => promote(slave, { ...options, others }),
  rejoin: ([old, master]) => rejoin(old, master, options),
}

try {
  await CHANGES[what](args)
  writeSync(1, `${JSON.stringify({ done: true })}\n`)
} catch (error) {
  writeSync(1, `${JSON.stringify({ code: error.code ?? String(error), message: error.message })}\n`)
}
