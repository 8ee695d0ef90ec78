import type { LastError, StatusResult } from '@rserv/core'

/** Milliseconds for which an error that is over is still worth a line. */
const WORTH_TELLING_MS = 24 * 3600 * 1000

/** A paragraph about the last errors, where there are any to tell. */
export function errorsText({ servers, otherErrors, slaves }: StatusResult): string[] {
  const lines = [
    ...servers.flatMap(({ server, lastError }) => (lastError ? lineOf(server, lastError) : [])),
    ...otherErrors.flatMap((error) => lineOf(error.address, error)),
    ...slaves.flatMap(({ database, errors }) =>
      errors.flatMap((error) => lineOf(`${database}, with master ${error.address}`, error)),
    ),
  ]
  return lines.length === 0 ? [] : [lines.join('\n')]
}

function lineOf(who: string, { code, message, hint, at, since, attempts, overAt }: LastError): string[] {
  const what = `${message} (${code})`
  if (overAt === null) {
    const often = attempts === 1 ? `failed at ${at}` : `failed ${attempts} times since ${since}, last at ${at}`
    return [`! ${who} ${often}: ${what}`, ...(hint === null ? [] : [`  hint: ${hint}`])]
  }
  if (Date.now() - Date.parse(overAt) > WORTH_TELLING_MS) return []
  return [`${who} had an error until ${overAt}, last at ${at}: ${what}`]
}
