import type { ServiceState } from '@rserv/service'
import { Hono } from 'hono'
import { expect, test } from 'vitest'
import type { Part } from '../src/index.ts'
import { startWeb } from '../src/index.ts'
import { ask } from './asking.ts'

const TOKEN = 'a-token-of-enough-characters'

/** Who may ask does not depend on what is running. */
const nothing = { state: (): ServiceState => ({ version: '1', startedAt: new Date(0).toISOString(), masters: [] }) }

const changing: Part = () => new Hono().post('/change', async (c) => c.text(`changed ${(await c.req.text()).length}`))

const broken: Part = () =>
  new Hono().get('/broken', () => {
    throw new Error('a secret detail')
  })

test('on loopback nothing but a name of this machine is served: DNS rebinding', async () => {
  await using web = await startWeb(nothing, [], { names: ['rserv.example.org'] })
  const statusFor = async (host: string): Promise<number> =>
    (await ask(`${web.url}/api/state`, { headers: { host } })).status
  for (const host of ['localhost', `localhost:${web.port}`, '127.0.0.1', '127.1.2.3:80', `[::1]:${web.port}`]) {
    expect([host, await statusFor(host)]).toEqual([host, 200])
  }
  expect(await statusFor('RSERV.example.org')).toBe(200)
  for (const host of ['evil.example', `evil.example:${web.port}`, '127.0.0.1.evil.example', '127.0.0.1@evil.example']) {
    expect([host, await statusFor(host)]).toEqual([host, expect.toBeOneOf([400, 421])])
  }
})

test('with a token nobody is let in without it', async () => {
  await using web = await startWeb(nothing, [changing], { token: TOKEN })
  for (const path of ['/', '/healthz', '/readyz', '/metrics', '/api/state', '/api/events', '/nowhere']) {
    const answer = await ask(`${web.url}${path}`)
    expect([path, answer.status]).toEqual([path, 401])
    expect(answer.headers['www-authenticate']).toContain('Bearer')
  }
  const bearer = (token: string): Promise<number> =>
    fetch(`${web.url}/healthz`, { headers: { authorization: `Bearer ${token}` } }).then(({ status }) => status)
  expect(await bearer(TOKEN)).toBe(200)
  for (const wrong of [`${TOKEN}x`, TOKEN.slice(1), TOKEN.toUpperCase(), 'x']) expect(await bearer(wrong)).toBe(401)
  expect((await ask(`${web.url}/healthz?token=${TOKEN}x`)).status).toBe(401)
  expect((await ask(`${web.url}/change?token=${TOKEN}`, { method: 'POST' })).status).toBe(401)
})

test('a token in the address becomes a cookie once, which is not the token', async () => {
  await using web = await startWeb(nothing, [], { token: TOKEN })
  const login = await ask(`${web.url}/api/state?a=1&token=${TOKEN}&b=2`)
  expect(login).toMatchObject({ status: 303, headers: { location: '/api/state?a=1&b=2' } })
  const [cookie = ''] = login.headers['set-cookie'] ?? []
  expect(cookie).toMatch(/; HttpOnly\b/)
  expect(cookie).toMatch(/; SameSite=Strict\b/)
  expect(cookie).not.toContain(TOKEN)
  const [pair = ''] = cookie.split(';')
  expect(pair).toMatch(new RegExp(`^rserv_${web.port}=`))
  expect((await ask(`${web.url}/api/state`, { headers: { cookie: pair } })).status).toBe(200)
  expect((await ask(`${web.url}/api/state`, { headers: { cookie: `${pair}x` } })).status).toBe(401)
  // Not to another host, whatever the address says.
  const away = await ask(`${web.url}//evil.example/?token=${TOKEN}`)
  expect(away).toMatchObject({ status: 303, headers: { location: '/evil.example/' } })
})

test('it does not listen for others without a token, nor with a short one', async () => {
  for (const host of ['0.0.0.0', '::', 'db.example.org', '10.0.0.1']) {
    await expect(startWeb(nothing, [], { host })).rejects.toMatchObject({ code: 'BAD_ARGUMENT', hint: /token/ })
  }
  await expect(startWeb(nothing, [], { token: 'short' })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
  await using open = await startWeb(nothing, [], { host: '0.0.0.0', token: TOKEN })
  const headers = { authorization: `Bearer ${TOKEN}`, host: 'db.example.org' }
  expect((await ask(`http://127.0.0.1:${open.port}/api/state`, { headers })).status).toBe(200)
  expect((await ask(`http://127.0.0.1:${open.port}/api/state`)).status).toBe(401)
  await expect(startWeb(nothing, [], { port: open.port })).rejects.toMatchObject({ code: 'BAD_ARGUMENT', hint: /port/ })
})

test('what changes something is not done for another site', async () => {
  await using web = await startWeb(nothing, [changing])
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await ask(`${web.url}/change`, { method: 'POST', headers, body: 'x' })).status
  expect(await post({})).toBe(200)
  expect(await post({ origin: web.url, 'sec-fetch-site': 'same-origin' })).toBe(200)
  for (const origin of [
    'https://evil.example',
    'null',
    `http://127.0.0.1:${web.port + 1}`,
    'file://',
    web.url + '.evil',
  ]) {
    expect([origin, await post({ origin })]).toEqual([origin, 403])
  }
  expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(403)
  expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403)
})

test('another site can link here, and neither load nor frame anything', async () => {
  await using web = await startWeb(nothing)
  const get = async (mode: string, dest: string): Promise<number> => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode, 'sec-fetch-dest': dest }
    return (await ask(`${web.url}/api/state`, { headers })).status
  }
  expect(await get('navigate', 'document')).toBe(200)
  expect(await get('navigate', 'iframe')).toBe(403)
  expect(await get('no-cors', 'script')).toBe(403)
  expect(await get('cors', 'empty')).toBe(403)
})

test('every answer has the headers that keep browsers safe', async () => {
  await using web = await startWeb(nothing, [changing])
  const refused = { headers: { host: 'evil.example' } }
  for (const answer of [await ask(`${web.url}/metrics`), await ask(`${web.url}/no`), await ask(web.url, refused)]) {
    const policy = String(answer.headers['content-security-policy'])
    expect(policy).toMatch(/default-src 'none'/)
    expect(policy).toMatch(/script-src 'self'(;|$)/)
    expect(policy).toMatch(/frame-ancestors 'none'/)
    expect(policy).not.toMatch(/unsafe|nonce|\*/)
    expect(answer.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cache-control': 'no-store',
    })
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
  }
})

test('a body is bounded, and an error of a part is told to the log only', async () => {
  const errors: unknown[] = []
  await using web = await startWeb(nothing, [changing, broken], { onError: (error) => errors.push(error) })
  const large = { method: 'POST', body: 'x'.repeat(100_000) }
  expect((await ask(`${web.url}/change`, large)).status).toBe(413)
  const answer = await ask(`${web.url}/broken`)
  expect(answer.status).toBe(500)
  expect(answer.body).not.toContain('secret')
  expect(errors).toEqual([expect.objectContaining({ message: 'a secret detail' })])
})

test('the token is blackened wherever it would be shown', async () => {
  const state: ServiceState = { ...nothing.state(), version: `of ${TOKEN}` }
  await using web = await startWeb({ state: () => state }, [], {
    token: TOKEN,
    hide: (text) => text.replace('of', '?'),
  })
  const headers = { authorization: `Bearer ${TOKEN}` }
  expect(JSON.parse((await ask(`${web.url}/api/state`, { headers })).body)).toMatchObject({ version: '? ***' })
})
