import type { Point } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import type { ClientConfig } from 'pg'
import type { Proxy } from '../support/proxy.ts'

/** A change of roles, over connections that can be cut. */
export type Change = (
  via: (node: TestDatabase) => ClientConfig,
  options: { signal: AbortSignal; onEvent: (event: { point?: Point }) => void },
) => Promise<unknown>

/**
 * Makes a change that ends at the point: it is told to, or, with a proxy, loses all connections at once.
 * @returns false: it did not come to that point, and was done
 */
export async function mishap(at: Point, proxy: Proxy | null, change: Change): Promise<boolean> {
  const stop = new AbortController()
  let met = false
  const onEvent = ({ point }: { point?: Point }): void => {
    if (met || point !== at) return
    met = true
    if (proxy) proxy.cut()
    else stop.abort()
  }
  const via = ({ config }: TestDatabase): ClientConfig =>
    proxy ? { ...config, host: proxy.config.host, port: proxy.config.port } : config
  const failure = await change(via, { signal: stop.signal, onEvent }).then(
    () => null,
    (error: unknown) => error,
  )
  if (failure !== null && !met) throw failure
  return met
}

/** Until the servers have noticed that the connections of changes are gone. */
export async function untilGone(nodes: readonly TestDatabase[]): Promise<void> {
  for (const node of nodes) {
    for (;;) {
      const [row] = await node.query<{ some: boolean }>(
        `select exists (select from pg_stat_activity where datname = current_database() and application_name = 'rserv') as some`,
      )
      if (!row?.some) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
