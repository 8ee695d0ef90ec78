import type { AddressInfo } from 'node:net'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { getRequestListener } from '@hono/node-server'
import { RservError } from '@rserv/core'
import type { MiddlewareHandler } from 'hono'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { secureHeaders } from 'hono/secure-headers'
import { eventsPart } from './api/events.ts'
import { StateFeed } from './api/state-feed.ts'
import { statePart } from './api/state.ts'
import { isLoopback } from './guard/addresses.ts'
import { sameSite } from './guard/same-site.ts'
import { requireToken, SHORTEST_TOKEN } from './guard/token.ts'
import { healthPart } from './health/health.ts'
import { readinessPart } from './health/readiness.ts'
import { metricsPart } from './metrics/exposition.ts'
import type { Part, Site, Watched } from './part.ts'

export interface WebOptions {
  /** Address or name to listen on; default 127.0.0.1. Any but a loopback address needs a `token`. */
  host?: string | undefined
  /** TCP port; default 0: a free one. */
  port?: number | undefined
  /** Who asks must have it, also on loopback; at least 16 characters. */
  token?: string | undefined
  /** Names besides localhost under which a loopback address is reached, e.g. of a proxy in front of it. */
  names?: readonly string[] | undefined
  /** Blackens secrets in every text of the state; default: nothing is. The token always is. */
  hide?: ((text: string) => string) | undefined
  /** Milliseconds between two looks at the state while a page follows it; default 500. */
  everyMs?: number | undefined
  /** Milliseconds without a change after which a reader of events is told that the connection lives; default 15000. */
  heartbeatMs?: number | undefined
  /** Told of an error that a route met; the answer is 500 without details. */
  onError?: ((error: unknown) => void) | undefined
}

export interface WebServer extends AsyncDisposable {
  /** Without a slash at its end, e.g. `http://127.0.0.1:8432`. */
  readonly url: string
  readonly port: number
  /** Ends all connections, also those that events are sent over. */
  close(): Promise<void>
}

/** What every server has. */
const MONITORING: readonly Part[] = [healthPart, readinessPart, metricsPart, statePart, eventsPart]
/** Bytes of a request's body. */
const LONGEST_BODY = 64 * 1024
const MOST_CONNECTIONS = 256

/**
 * Serves a service's metrics, health and state, and the parts given, over HTTP.
 * @throws RservError BAD_ARGUMENT where it would be open to others without a token, or cannot listen
 */
export async function startWeb(
  watched: Watched,
  parts: readonly Part[] = [],
  options: WebOptions = {},
): Promise<WebServer> {
  const { host = '127.0.0.1', heartbeatMs = 15_000 } = options
  checkToken(host, options.token)
  const closing = new AbortController()
  const server = createServer()
  const port = (): number => (server.address() as AddressInfo).port
  const site: Site = { watched, feed: feedOf(watched, options), heartbeatMs, closing: closing.signal }
  const app = new Hono()
  protect(app, { names: options.names, token: options.token, onError: options.onError, host, port })
  for (const part of [...MONITORING, ...parts]) app.route('/', part(site))
  server.on('request', getRequestListener(app.fetch))
  server.maxConnections = MOST_CONNECTIONS
  await listen(server, host, options.port ?? 0)
  const close = async (): Promise<void> => {
    closing.abort()
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  const shownHost = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return { url: `http://${shownHost}:${port()}`, port: port(), close, [Symbol.asyncDispose]: close }
}

function feedOf(watched: Watched, { hide, token, everyMs = 500 }: WebOptions): StateFeed {
  const hideToken = (text: string): string => (token === undefined ? text : text.replaceAll(token, '***'))
  return new StateFeed(watched, { hide: (text) => hideToken(hide?.(text) ?? text), everyMs })
}

interface Protection extends Pick<WebOptions, 'names' | 'token' | 'onError'> {
  readonly host: string
  readonly port: () => number
}

/** What comes before and after every part. */
function protect(app: Hono, options: Protection): void {
  const { host, names = [], token, port, onError } = options
  app.use(headers)
  app.use(uncached)
  app.use(sameSite({ host, names }))
  if (token !== undefined) app.use(requireToken(token, port))
  app.use(bodyLimit({ maxSize: LONGEST_BODY, onError: (c) => c.text('this is too long\n', 413) }))
  app.notFound((c) => c.text('there is nothing here\n', 404))
  app.onError((error, c) => {
    onError?.(error)
    return c.text('this went wrong; the log of rserv says more\n', 500)
  })
}

const headers = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", 'data:'],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    manifestSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: 'DENY',
  // It is for whoever puts TLS in front.
  strictTransportSecurity: false,
})

/** What is shown is of this moment; parts whose files never change may say otherwise. */
const uncached: MiddlewareHandler = async (c, next) => {
  await next()
  if (!c.res.headers.has('cache-control')) c.res.headers.set('cache-control', 'no-store')
}

function checkToken(host: string, token: string | undefined): void {
  if (token !== undefined && token.length < SHORTEST_TOKEN) {
    throw new RservError('BAD_ARGUMENT', `the token for the web server has less than ${SHORTEST_TOKEN} characters`, {
      hint: 'Make one with: openssl rand -hex 24',
    })
  }
  if (token === undefined && !isLoopback(host)) {
    throw new RservError('BAD_ARGUMENT', `listening on ${host} would show everything to everybody who can reach it`, {
      hint: 'Give a token, or listen on 127.0.0.1 (and reach it through ssh -L, or a proxy that asks who it is).',
    })
  }
}

async function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  try {
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'))
    await once(server, 'listening')
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause)
    throw new RservError('BAD_ARGUMENT', `cannot listen on ${host} port ${port}: ${message}`, {
      hint: 'Is another process there already? Choose another port.',
      cause,
    })
  }
}
