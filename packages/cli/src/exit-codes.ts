/** How a command ends. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const

/** For the help and the documentation. */
export const EXIT_CODES: readonly { readonly code: number; readonly means: string }[] = [
  { code: EXIT.done, means: 'done; check found no problem, verify no difference that is left' },
  { code: EXIT.failed, means: 'failed, or check or verify found something; nothing is half done' },
  { code: EXIT.usage, means: 'wrong usage; nothing was tried' },
]
