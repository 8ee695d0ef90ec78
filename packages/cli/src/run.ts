import { processContext } from './context.ts'
import { main } from './main.ts'

/** Exit codes of an ended process: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The body of the executables: runs the process's command line, as that of `historic` where given, and sets
 * process.exitCode. The first SIGINT or SIGTERM cancels cleanly, or ends a command that follows after the transfer in
 * hand; the next one cancels that; one more ends the process.
 */
export async function run(historic?: string): Promise<void> {
  const abort = new AbortController()
  const stop = new AbortController()
  let graceful = false
  let signalled: number | undefined
  for (const [signal, code] of Object.entries(SIGNALS)) {
    const receive = (): void => {
      if (graceful && !stop.signal.aborted) return stop.abort()
      process.removeListener(signal, receive)
      signalled = code
      return abort.abort()
    }
    process.on(signal, receive)
  }
  const endGracefully = (): AbortSignal => {
    graceful = true
    return stop.signal
  }
  // A reader that has gone, such as `head`, is no error of ours; a snapshot's writer notices by itself.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
  const argv = process.argv.slice(2)
  const code = await main(
    historic === undefined ? argv : [historic, ...argv],
    processContext({ signal: abort.signal, endGracefully, onHangup: (work) => void process.on('SIGHUP', work) }),
  )
  process.exitCode = code === 0 ? code : (signalled ?? code)
  // Input that nobody reads any more would keep the process alive.
  process.stdin.destroy()
}
