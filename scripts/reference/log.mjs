import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../workspace.mjs'
import { code, head, table } from './markdown.mjs'

const SOURCE = 'packages/cli/src/logging/codes.ts'
const BUILT = join(ROOT, 'packages', 'cli', 'dist', 'logging', 'codes.js')

/** docs/reference/log.md */
export async function logPage() {
  const { LOG_CODES } = await import(pathToFileURL(BUILT).href)
  const rows = Object.entries(LOG_CODES).map(([name, { level, meaning }]) => [code(name), level, meaning])
  return [
    ...head(
      'The log',
      SOURCE,
      'The lines that `rserv run` writes to its standard output. As text a line is the time, the level, the code, whom it is ' +
        'about (`master/slave`) and the message; as JSON it is a document with `at` (ISO 8601, UTC), `level`, `event` (the ' +
        'code), `master`, `slave`, further fields, and `message`. Lines about an error have its `code`, of ' +
        '[these](errors.md), and a `hint`. Codes are stable: search and alert by them, never by the message.',
    ),
    '',
    ...table(['code', 'level', 'says'], rows),
  ].join('\n')
}
