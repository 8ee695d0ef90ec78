import { expect, test } from 'vitest'
import { startWeb } from '../src/index.ts'
import { FULL } from './states.ts'

function broken(): never {
  throw new Error('broken')
}

test('healthz says that the process lives, and for how long its loop was held up', async () => {
  await using web = await startWeb({ state: () => FULL })
  const health = async (): Promise<{ status: string; longestHeldUpMs: number }> =>
    (await fetch(`${web.url}/healthz`)).json() as Promise<{ status: string; longestHeldUpMs: number }>
  expect(await health()).toMatchObject({ status: 'ok', version: FULL.version, startedAt: FULL.startedAt })
  const until = performance.now() + 1500
  while (performance.now() < until) continue
  expect((await health()).longestHeldUpMs).toBeGreaterThanOrEqual(900)
  expect((await health()).status).toBe('ok')
})

test('a state that cannot be told is no healthy one', async () => {
  const errors: unknown[] = []
  await using web = await startWeb({ state: broken }, [], { onError: (error) => errors.push(error) })
  for (const path of ['/healthz', '/readyz', '/api/state', '/metrics']) {
    const answer = await fetch(`${web.url}${path}`)
    expect([path, answer.status]).toEqual([path, 500])
    expect(await answer.text()).not.toContain('broken')
  }
  expect(errors).toHaveLength(4)
})

/** What is said of a slave that is in sync and was last heard of then. */
async function whenHeardOf(lookedAt: string | null): Promise<unknown> {
  const masters = FULL.masters.map((master) => ({
    ...master,
    slaves: master.slaves.map((slave) => ({ ...slave, phase: 'in-sync' as const, lookedAt })),
  }))
  await using web = await startWeb({ state: () => ({ ...FULL, masters }) })
  const answer = await fetch(`${web.url}/readyz`)
  const metrics = await (await fetch(`${web.url}/metrics`)).text()
  return {
    status: answer.status,
    body: await answer.json(),
    followed: /^rserv_slave_followed.* (\d)$/m.exec(metrics)?.[1],
  }
}

function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString()
}

test('a slave that nothing was heard of for minutes is not ready, whatever its phase', async () => {
  for (const heard of [ago(0), ago(3), null])
    expect(await whenHeardOf(heard)).toMatchObject({ status: 200, followed: '1' })
  const since = ago(6)
  const reason = `nothing was heard of it since ${since}: a transfer waits, perhaps for a lock, or a connection hangs`
  const body = { slaves: [{ phase: 'in-sync', reason }] }
  expect(await whenHeardOf(since)).toMatchObject({ status: 503, followed: '0', body })
})
