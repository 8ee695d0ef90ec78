/** A server could not be had; `hint` says what to do. */
export class EmbeddedError extends Error {
  readonly hint: string | undefined

  constructor(message: string, hint?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'EmbeddedError'
    this.hint = hint
  }
}
