import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'

/** Shorter ones can be guessed. */
export const SHORTEST_TOKEN = 16

/** Seconds that a browser keeps the cookie. */
const COOKIE_SECONDS = 30 * 24 * 3600

/**
 * Lets in who has the token: as `Authorization: Bearer TOKEN`; or once as `?token=TOKEN`, which becomes a cookie that
 * no script reads and no other site's page sends, and leaves the address. The cookie is made from the token and is not
 * the token.
 * @param port names the cookie: browsers send one host's cookies to all its ports
 */
export function requireToken(token: string, port: () => number): MiddlewareHandler {
  const cookieValue = createHmac('sha256', token).update('rserv web cookie').digest('base64url')
  return async (c, next) => {
    const cookie = `rserv_${port()}`
    const bearer = /^Bearer +(\S+) *$/i.exec(c.req.header('authorization') ?? '')?.[1]
    if (bearer !== undefined && same(bearer, token)) return next()
    const given = c.req.query('token')
    if (given !== undefined && c.req.method === 'GET' && same(given, token)) return login(c, cookie, cookieValue)
    if (same(getCookie(c, cookie) ?? '', cookieValue)) return next()
    c.header('www-authenticate', 'Bearer realm="rserv"')
    return c.text('a token is needed: Authorization: Bearer TOKEN, or once ?token=TOKEN in a browser\n', 401)
  }
}

function login(c: Context, cookie: string, value: string): Response {
  setCookie(c, cookie, value, { httpOnly: true, sameSite: 'Strict', path: '/', maxAge: COOKIE_SECONDS })
  const url = new URL(c.req.url)
  url.searchParams.delete('token')
  // Relative, so that it holds behind a proxy; one slash, so that it is never another host.
  return c.redirect(`${url.pathname.replace(/^\/+/, '/')}${url.search}`, 303)
}

/** In a time that does not depend on where they differ, nor on their lengths. */
function same(given: string, wanted: string): boolean {
  return timingSafeEqual(digest(given), digest(wanted))
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
