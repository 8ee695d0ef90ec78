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
