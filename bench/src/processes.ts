import type { ChildProcess } from 'node:child_process'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** What the kernel says of processes; Linux only. */
interface ProcessStat {
  readonly pid: number
  readonly parent: number
  /** Clock ticks, of the process and of the children that it has waited for. */
  readonly ticks: number
}

function stats(): ProcessStat[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
        const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
        const ticks = fields.slice(11, 15).reduce((sum, value) => sum + Number(value), 0)
        return [{ pid: Number(pid), parent: Number(fields[1]), ticks }]
      } catch {
        // It has ended meanwhile.
        return []
      }
    })
}

let ticksPerSecond: number | undefined

/** CPU seconds that processes and their children have used so far. */
export function cpuSeconds(pids: readonly number[]): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK']).toString())
  const ticks = stats()
    .filter(({ pid, parent }) => pids.includes(pid) || pids.includes(parent))
    .reduce((sum, stat) => sum + stat.ticks, 0)
  return ticks / ticksPerSecond
}

/** Most megabytes of memory that the process has held so far. */
export function peakMegabytes(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024
}
