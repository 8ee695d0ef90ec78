import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { UsageError } from '../errors.ts'
import type { Environment, Parameters } from './parameters.ts'
import { checkParameters } from './parameters.ts'

/**
 * Parameters of a service: from PGSERVICEFILE or ~/.pg_service.conf, else from pg_service.conf in PGSYSCONFDIR.
 * @throws UsageError when no file has it
 */
export function readService(name: string, env: Environment): Parameters {
  const files = [
    env['PGSERVICEFILE'] ?? join(env['HOME'] ?? homedir(), '.pg_service.conf'),
    ...(env['PGSYSCONFDIR'] ? [join(env['PGSYSCONFDIR'], 'pg_service.conf')] : []),
  ]
  for (const file of files.filter(existsSync)) {
    const found = section(readFileSync(file, 'utf8'), name)
    if (found) return checkParameters(found, `service ${name}`)
  }
  throw new UsageError(`no service ${name} in ${files.join(' or ')}`, 'Add a section for it, or check PGSERVICEFILE.')
}

function section(text: string, name: string): Parameters | undefined {
  let found: Parameters | undefined
  let inside = false
  for (const line of text.split(/\r?\n/).map((raw) => raw.trim())) {
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (found) break
      inside = line === `[${name}]`
      if (inside) found = {}
    } else if (inside && found) {
      const equals = line.indexOf('=')
      if (equals > 0) found[line.slice(0, equals).trim()] = line.slice(equals + 1).trim()
    }
  }
  return found
}
