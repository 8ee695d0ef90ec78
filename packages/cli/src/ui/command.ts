import { once } from 'node:events'
import type { RservEvent } from '@rserv/core'
import type { Service } from '@rserv/service'
import { createService } from '@rserv/service'
import type { DemoHost, WebServer } from '@rserv/web'
import { isLoopback, pageParts, startWeb } from '@rserv/web'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { parseListen } from '../listening/address.ts'
import { givenToken, newToken } from '../listening/token.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { flag, text } from '../values.ts'
import { demoHost } from './demo-host.ts'
import type { FollowedDatabases } from './followed-databases.ts'
import { followedDatabases } from './followed-databases.ts'
import { openBrowser } from './open-browser.ts'

/** Milliseconds between two measurements: somebody is looking. */
const MEASURE_MS = 1000

export const uiCommand: Command = {
  name: 'ui',
  historic: 'RservTest',
  summary: 'a page to look at, with the demonstration of 2000',
  details:
    `Serves a page on this machine: the demonstration (Update, Replicate, Show, Quit) and, beside it, positions, lag, ` +
    `tables and errors as they change. The slaves are followed as by rserv run; by the historic name, and without ` +
    `databases, they wait for Replicate. Without databases a real PostgreSQL server is started for it and removed at the ` +
    `end. Ends with Quit in the page, SIGINT or SIGTERM. Without --listen it is at 127.0.0.1:8432, or at a free port where ` +
    `that is taken; a port or a host alone will do, too. Where others can reach it, it asks for the token of ` +
    `--token-file or RSERV_TOKEN, else for one that it makes, which the address that it prints has.`,
  arguments: [
    { name: '[masterdb]', help: 'the master; default: an embedded server' },
    { name: '[slavedbs...]', help: 'its slaves' },
  ],
  options: ['listen', 'tokenFile', 'open', 'manual', 'follow', 'dir', 'major', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['ui --open', 'ui shop shop_copy', 'ui service=shop service=berlin service=paris --listen 0.0.0.0:8432'],
  async run(call) {
    const { options, context } = call
    if (flag(options, 'manual') && flag(options, 'follow')) {
      throw new UsageError('--manual and --follow', 'Give one of them.')
    }
    const place = placeOf(call)
    const databases = await followedDatabases(call)
    try {
      const stop = AbortSignal.any([context.endGracefully(), context.signal])
      await using service = startService(call, databases)
      const quit = new AbortController()
      const host = demoHost(call, { databases, service, quit: () => quit.abort() })
      await using web = await listen(call, place, service, host)
      tell(call, web, place.token)
      await ended(AbortSignal.any([stop, quit.signal]))
    } finally {
      await databases.stop()
    }
    context.signal.throwIfAborted()
    return TOLD
  },
}

const TOLD: Outcome = { json: undefined, text: '' }

interface Place {
  readonly host: string
  readonly port: number
  /** Undefined: nobody else can reach it. */
  readonly token: string | undefined
  /** Take another port where this one is taken. */
  readonly elseAnyPort: boolean
}

/** @throws UsageError */
function placeOf(call: Call): Place {
  const given = text(call.options, 'listen')
  const { host, port } = parseListen(given)
  const token = givenToken(call) ?? (isLoopback(host) ? undefined : newToken())
  return { host, port, token, elseAnyPort: given === undefined }
}

function startService(call: Call, { master, slaves, manual }: FollowedDatabases): Service {
  const { context, backends, common, options } = call
  const service = createService(
    {
      backends,
      onEvent: (event: RservEvent) => common.onEvent?.(event),
      masters: [
        {
          name: master.name,
          source: () => master.config(),
          measureMs: MEASURE_MS,
          slaves: slaves.map(({ name, config }) => ({ name, source: () => config() })),
        },
      ],
    },
    { signal: context.signal },
  )
  const waits = flag(options, 'manual') || (manual && !flag(options, 'follow'))
  if (waits) for (const { name } of slaves) service.pause(name)
  return service
}

async function listen(
  call: Call,
  { host, port, token, elseAnyPort }: Place,
  service: Service,
  demo: DemoHost,
): Promise<WebServer> {
  const parts = pageParts(demo)
  const onError = (error: unknown): void => {
    call.common.onEvent?.({ kind: 'notice', message: `the page's server: ${String(error)}` })
  }
  const options = { host, token, hide: call.hide, onError }
  try {
    return await startWeb(service, parts, { ...options, port })
  } catch (error) {
    const taken = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code === 'EADDRINUSE'
    if (!taken || !elseAnyPort) throw error
    return startWeb(service, parts, { ...options, port: 0 })
  }
}

function tell({ context, options }: Call, web: WebServer, token: string | undefined): void {
  const url = token === undefined ? `${web.url}/` : `${web.url}/?token=${token}`
  context.stdout.write(flag(options, 'json') ? `${JSON.stringify({ url })}\n` : `${url}\n`)
  context.stderr.write('Quit in the page, or Ctrl-C here, ends it.\n')
  if (flag(options, 'open')) openBrowser(url)
}

async function ended(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort')
}
