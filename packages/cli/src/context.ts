/** What a command may touch of the outside world; tests pass buffers. */
export interface Context {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number }
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly signal: AbortSignal
}

/** The process's own. */
export function processContext(signal: AbortSignal): Context {
  const { stdin, stdout, stderr, env } = process
  return { stdin, stdout, stderr, env, cwd: process.cwd(), signal }
}
