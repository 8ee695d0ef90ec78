import type { HttpBindings } from '@hono/node-server'
import { RservError } from '@rserv/core'
import type { Context, MiddlewareHandler } from 'hono'
import { Hono } from 'hono'
import type { Part } from '../part.ts'
import type { DemoAbout } from './about.ts'
import type { Entries } from './demonstration.ts'
import { Demonstration } from './demonstration.ts'
import type { DemoHost } from './host.ts'

/** `/api/demo`: the demonstration, where there is one (`null` otherwise), and one route for each of its buttons. */
export function demoPart(host: DemoHost | null): Part {
  return () => {
    const app = new Hono()
    const about: DemoAbout | null = host && { masters: host.masters, slaves: host.slaves }
    app.get('/api/demo', (c) => c.json(about))
    return host ? addButtons(app, host) : app
  }
}

function addButtons(app: Hono, host: DemoHost): Hono {
  const demo = new Demonstration(host)
  const button = (name: string, press: (entries: Entries, body: Body) => Promise<object>): void => {
    app.post(`/api/demo/${name}`, jsonOnly, async (c) => {
      try {
        const body = await bodyOf(c)
        return c.json(await press(body, body))
      } catch (error) {
        if (!(error instanceof RservError)) throw error
        const { code, message, hint } = error
        return c.json({ error: { code, message: host.hide(message), hint: hint ? host.hide(hint) : null } }, 422)
      }
    })
  }
  button('update', async (entries) => ({ outcome: await demo.update(entries) }))
  button('replicate', async (entries) => ({ ...(await demo.replicate(entries)) }))
  button('show', async (entries) => ({ value: await demo.show(entries) }))
  button('look', async (entries) => ({ missing: maybeHidden(host, await demo.missing(entries)) }))
  button('set-up', async (entries) => {
    await demo.setUp(entries)
    return {}
  })
  button('follow', async ({ slave }, { on }) => ({ known: await host.follow(slave, on) }))
  app.post('/api/demo/quit', jsonOnly, (c) => {
    // Once the answer is on its way; a reader that has gone wants it all the same.
    const { outgoing } = c.env as HttpBindings
    for (const event of ['finish', 'close']) outgoing.once(event, () => host.quit())
    return c.json({})
  })
  return app
}

function maybeHidden(host: DemoHost, text: string | null): string | null {
  return text === null ? null : host.hide(text)
}

/** Another site's page cannot send JSON without asking first, and nobody answers. Origins: the server sees to them. */
const jsonOnly: MiddlewareHandler = async (c, next) => {
  const type = c.req.header('content-type') ?? ''
  return /^application\/json *(;|$)/i.test(type) ? next() : c.text('send application/json\n', 415)
}

type Body = Entries & { readonly on: boolean }

/** @throws RservError BAD_ARGUMENT */
async function bodyOf(c: Context): Promise<Body> {
  const given: unknown = await c.req.json().catch(() => null)
  if (given === null || typeof given !== 'object') throw notAnswerable('the body is no JSON object')
  const fields = given as Record<string, unknown>
  const text = (name: string): string => {
    const value = fields[name] ?? ''
    if (typeof value !== 'string') throw notAnswerable(`${name} is not a text`)
    return value
  }
  return { master: text('master').trim(), slave: text('slave').trim(), text: text('text'), on: fields['on'] === true }
}

function notAnswerable(message: string): RservError {
  return new RservError('BAD_ARGUMENT', message, { hint: 'The page sends {"master", "slave", "text"}.' })
}
