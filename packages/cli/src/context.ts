/** What a command may touch of the outside world; tests pass buffers. */
export interface Context {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted by SIGINT or SIGTERM: what is under way is rolled back. */
  readonly signal: AbortSignal
  /** From now on the first SIGINT or SIGTERM aborts this signal instead: finish what is in hand, then end. */
  readonly endGracefully: () => AbortSignal
  /** From now on SIGHUP does this instead of ending the process. */
  readonly onHangup: (work: () => void) => void
}

/** The process's own. */
export function processContext(signals: Pick<Context, 'signal' | 'endGracefully' | 'onHangup'>): Context {
  const { stdin, stdout, stderr, env } = process
  return { stdin, stdout, stderr, env, cwd: process.cwd(), ...signals }
}
