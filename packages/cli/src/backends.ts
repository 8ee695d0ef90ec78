import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BackendResolver, TriggerBackend } from '@rserv/core'
import { CONTRACT_VERSION, RservError } from '@rserv/core'

/** The backends that come with the command line; others are npm packages, by their names. */
const BUILT_IN: Record<string, () => Promise<unknown>> = {
  plpgsql: () => import('@rserv/trigger-plpgsql'),
}

/** Finds backends: built in, else an npm package installed beside the command line or in the current folder. */
export function backendResolver(cwd: string): BackendResolver {
  return async (name) => check(name, await load(name, cwd))
}

async function load(name: string, cwd: string): Promise<unknown> {
  const builtIn = BUILT_IN[name]
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

function resolveFrom(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name)
  } catch {
    return undefined
  }
}

function check(name: string, module: unknown): TriggerBackend {
  const exported = module as { backend?: TriggerBackend; default?: TriggerBackend }
  const backend = exported.backend ?? exported.default
  const methods = ['canHost', 'canCapture', 'createFunctions', 'createTriggers', 'remove'] as const
  if (!backend || methods.some((method) => typeof backend[method] !== 'function')) {
    throw new RservError('BACKEND', `package ${name} exports no trigger backend`, {
      hint: 'A backend package exports `backend`, an object as docs/backends.md describes.',
    })
  }
  if (backend.contractVersion !== CONTRACT_VERSION) {
    throw new RservError(
      'BACKEND',
      `trigger backend ${name} is for contract ${backend.contractVersion}, this rserv has ${CONTRACT_VERSION}`,
      { hint: 'Install a version of the backend that fits, or another rserv.' },
    )
  }
  return backend
}
