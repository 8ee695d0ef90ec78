import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BackendResolver, TriggerBackend } from '@rserv/core'
import { CONTRACT_VERSION, RservError } from '@rserv/core'

/** The backends that come with the command line; others are npm packages, by their names. */
const BUILT_IN: Record<string, () => Promise<unknown>> = {
  plpgsql: () => import('@rserv/trigger-plpgsql'),
  plv8: () => import('@rserv/trigger-plv8'),
}

/** A package with this keyword is listed by `rserv backends`. */
const KEYWORD = 'rserv-backend'

/** Names of the backends that can be chosen: built in, and packages installed in the folder that say they are one. */
export function installedBackends(cwd: string): string[] {
  const modules = join(cwd, 'node_modules')
  const packages = namesIn(modules).flatMap((name) =>
    name.startsWith('@') ? namesIn(join(modules, name)).map((inner) => `${name}/${inner}`) : [name],
  )
  return [...Object.keys(BUILT_IN), ...packages.filter((name) => isBackend(join(modules, name, 'package.json')))]
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
}

function isBackend(manifest: string): boolean {
  if (!existsSync(manifest)) return false
  const { keywords } = JSON.parse(readFileSync(manifest, 'utf8')) as { keywords?: unknown }
  return Array.isArray(keywords) && keywords.includes(KEYWORD)
}

/** Finds backends: built in, else an npm package installed beside the command line or in the current folder. */
export function backendResolver(cwd: string): BackendResolver {
  return async (name) => check(name, await load(name, cwd))
}

async function load(name: string, cwd: string): Promise<unknown> {
  const builtIn = Object.hasOwn(BUILT_IN, name) ? BUILT_IN[name] : undefined
  if (builtIn) return builtIn()
  const paths = [join(cwd, 'package.json'), import.meta.url]
  for (const from of paths) {
    const file = resolveFrom(name, from)
    if (!file) continue
    try {
      return await import(pathToFileURL(file).href)
    } catch (error) {
      throw new RservError('BACKEND', `trigger backend ${name} cannot be loaded: ${(error as Error).message}`, {
        hint: 'Its package is installed but broken; install it again, or tell its author.',
        cause: error,
      })
    }
  }
  throw new RservError('BACKEND', `no trigger backend ${name}`, {
    hint: `There is ${Object.keys(BUILT_IN).join(', ')}; any other name is an npm package that must be installed here.`,
  })
}

function resolveFrom(name: string, from: string | URL): string | undefined {
  const require = createRequire(from)
  try {
    return require.resolve(name)
  } catch {
    // A package that exports only to `import` is hidden from require.
    return importOnly(name, require.resolve.paths(name) ?? [])
  }
}

function importOnly(name: string, folders: readonly string[]): string | undefined {
  const folder = folders.map((path) => join(path, name)).find((path) => existsSync(join(path, 'package.json')))
  if (!folder) return undefined
  const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { exports?: unknown }
  const entry = importEntry((exports as Record<string, unknown> | undefined)?.['.'] ?? exports)
  return entry && join(folder, entry)
}

function importEntry(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  const conditions = (target ?? {}) as Record<string, unknown>
  const condition = ['node', 'import', 'default'].find((name) => conditions[name] !== undefined)
  return condition && importEntry(conditions[condition])
}

function check(name: string, module: unknown): TriggerBackend {
  const exported = module as { backend?: TriggerBackend; default?: TriggerBackend }
  const backend = exported.backend ?? exported.default
  const methods = ['canHost', 'canCapture', 'createFunctions', 'createTriggers', 'remove'] as const
  if (!backend || methods.some((method) => typeof backend[method] !== 'function')) {
    throw new RservError('BACKEND', `package ${name} exports no trigger backend`, {
      hint: 'A backend package exports `backend`, an object as docs/reference/backends.md describes.',
    })
  }
  if (backend.contractVersion !== CONTRACT_VERSION) {
    throw new RservError(
      'BACKEND',
      `trigger backend ${name} is for contract ${backend.contractVersion}, this rserv has ${CONTRACT_VERSION}`,
      { hint: 'Install a version of the backend that fits, or another rserv.' },
    )
  }
  if (backend.name !== name) {
    // The name is recorded in the database, and the backend must be found by it again.
    throw new RservError('BACKEND', `package ${name} calls its backend ${backend.name}`, {
      hint: 'Tell its author: a backend has the name of its npm package.',
    })
  }
  return backend
}
