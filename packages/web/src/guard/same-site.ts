import type { Context, MiddlewareHandler } from 'hono'
import { hostOf, isLoopback } from './addresses.ts'

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD'])

/**
 * Refuses what another site makes a browser send. On loopback the Host header must name this machine, or one of
 * `names`: otherwise a page could have its own name resolve to 127.0.0.1 and read what is here (DNS rebinding). And
 * nothing is changed, loaded or framed on behalf of another origin; following a link is fine.
 */
export function sameSite({ host, names }: { host: string; names: readonly string[] }): MiddlewareHandler {
  const known = new Set(names.map((name) => name.toLowerCase()))
  const checksHost = isLoopback(host)
  return async (c, next) => {
    const name = hostOf(c.req.header('host') ?? '')
    if (name === undefined || (checksHost && !isLoopback(name) && !known.has(name))) {
      return c.text('this host name is not served here\n', 421)
    }
    const allowed = READING.has(c.req.method) ? !isLoadedElsewhere(c) : isOwnOrigin(c, known)
    return allowed ? next() : c.text('refused: asked by another site\n', 403)
  }
}

/** Programs send no Origin; browsers always do with what changes something, `null` where they hide it. */
function isOwnOrigin(c: Context, known: ReadonlySet<string>): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false
  const origin = c.req.header('origin')
  if (origin === undefined) return true
  const match = /^https?:\/\/(.+)$/i.exec(origin)?.[1]?.toLowerCase()
  if (match === undefined) return false
  return match === c.req.header('host')?.toLowerCase() || known.has(hostOf(match) ?? '')
}

/** As an image, a script, a frame or by fetch from a page that is not ours. */
function isLoadedElsewhere(c: Context): boolean {
  const site = c.req.header('sec-fetch-site')
  if (site !== 'cross-site' && site !== 'same-site') return false
  return c.req.header('sec-fetch-mode') !== 'navigate' || c.req.header('sec-fetch-dest') !== 'document'
}
