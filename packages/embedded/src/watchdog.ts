import { spawn } from 'node:child_process'

/**
 * Runs beside us and holds the other end of a pipe: when we are gone, however that came, it stops the server and
 * removes its temporary folder.
 */
const SCRIPT = `
const { rmSync } = require('node:fs')
const [pid, folder] = process.argv.slice(1)
const alive = () => { try { process.kill(Number(pid), 0); return true } catch { return false } }
process.on('SIGINT', () => {}); process.on('SIGTERM', () => {})
process.stdin.on('end', () => {
  try { process.kill(Number(pid), 'SIGQUIT') } catch {}
  const timer = setInterval(() => {
    if (alive()) return
    clearInterval(timer)
    if (folder) rmSync(folder, { recursive: true, force: true })
  }, 50)
}).resume()
`

/** Starts to watch; the function returned stops watching and leaves the server alone. */
export function watch(serverPid: number, folder: string | undefined): () => void {
  const child = spawn(process.execPath, ['-e', SCRIPT, String(serverPid), folder ?? ''], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  child.unref()
  const pipe = child.stdin as unknown as { unref?: () => void }
  pipe.unref?.()
  return () => {
    child.kill('SIGKILL')
  }
}
