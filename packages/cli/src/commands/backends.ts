import type { BackendResolver, TriggerBackend, Verdict } from '@rserv/core'
import { judgeBackends, RservError } from '@rserv/core'
import { installedBackends } from '../backends.ts'
import type { Command } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { table } from '../output.ts'

interface Listed {
  readonly name: string
  /** Null without a database to ask. */
  readonly verdict: Verdict | null
}

export const backendsCommand: Command = {
  name: 'backends',
  summary: 'the trigger backends that are installed, and which of them a server can host',
  arguments: [{ name: '[masterdb]', help: 'the master to ask' }],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['backends', 'backends shop'],
  async run({ args, common, backends, context, database }) {
    const loaded = await Promise.all(installedBackends(context.cwd).map((name) => load(name, backends)))
    const usable = loaded.flatMap(({ backend }) => backend ?? [])
    const judged = args[0] === undefined ? [] : await judgeBackends(await database(args[0]), usable, common)
    const listed = loaded.map(({ name, broken }): Listed => ({
      name,
      verdict: broken ?? judged.find((one) => one.name === name)?.verdict ?? null,
    }))
    const rows = listed.map(({ name, verdict }) => [name, describe(verdict)])
    return {
      json: { backends: listed },
      text: table(['backend', args[0] === undefined ? 'state' : 'this server'], rows),
    }
  },
}

function describe(verdict: Verdict | null): string {
  if (verdict === null) return 'installed'
  return verdict.ok ? 'can host it' : `no: ${verdict.reason}. ${verdict.hint}`
}

async function load(
  name: string,
  backends: BackendResolver,
): Promise<{ name: string; backend?: TriggerBackend; broken?: Verdict }> {
  try {
    return { name, backend: await backends(name) }
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    return { name, broken: { ok: false, reason: error.message, hint: error.hint ?? '' } }
  }
}
