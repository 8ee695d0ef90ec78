import { masterAddTables, masterInit, slaveAddTables, slaveInit } from '@rserv/core'
import type { Service, SlaveSpec } from '@rserv/service'
import { createService } from '@rserv/service'
import type { TestDatabase } from '@rserv/test-utils'
import { createDatabase } from '@rserv/test-utils'
import { backend } from '@rserv/trigger-plpgsql'

const backends = async (): Promise<typeof backend> => backend

/** Databases that are set up, and a service that keeps the slaves up. */
export interface Running extends AsyncDisposable {
  readonly master: TestDatabase
  readonly slave: TestDatabase
  readonly service: Service
}

/**
 * A service `shop` with a slave `berlin`, and those given.
 * @param as what the master's configuration has besides
 */
export async function startRunning(
  ddl: string,
  others: readonly SlaveSpec[] = [],
  as: { user?: string; password?: string } = {},
): Promise<Running> {
  const master = await createDatabase({ label: 'web_m' })
  const slave = await createDatabase({ label: 'web_s' })
  for (const { query } of [master, slave]) await query(ddl)
  await masterInit(master.config, { backends })
  await masterAddTables(master.config, { tables: [], all: true, backends })
  await slaveInit(slave.config)
  await slaveAddTables(slave.config, { tables: [], all: true })
  const quick = { lookMs: 50, measureMs: 100, countKeysMs: 100 }
  const berlin = { name: 'berlin', source: slave.config, retryMs: 500, parkedRetryMs: 300 }
  const source = { ...master.config, ...as }
  const service = createService({
    backends,
    masters: [{ name: 'shop', source, slaves: [berlin, ...others], ...quick }],
  })
  return {
    master,
    slave,
    service,
    async [Symbol.asyncDispose]() {
      await service.stop()
      await master[Symbol.asyncDispose]()
      await slave[Symbol.asyncDispose]()
    },
  }
}
