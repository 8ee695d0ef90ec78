import { expectEqual } from '../compare.ts'
import type { Contender } from '../contenders/contender.ts'
import { MARKER } from '../contenders/contender.ts'
import { Database } from '../database.ts'
import type { Servers } from '../servers.ts'

/** A master and a slave database of one measurement. */
export interface Pair {
  readonly master: Database
  readonly slave: Database
}

export interface PairSetup {
  /** SQL for both sides, or the name of a template database that both servers have. */
  readonly ddl?: string
  readonly template?: string
  readonly tables: readonly string[]
}

/** Runs `work` on two equal databases that the contender replicates, checks that they are equal, drops them. */
export async function withPair<T>(
  servers: Servers,
  contender: Contender,
  setup: PairSetup,
  work: (pair: Pair) => Promise<T>,
): Promise<T> {
  await using master = await Database.create(servers.master, 'bench_master', setup.template)
  await using slave = await Database.create(servers.slave, 'bench_slave', setup.template)
  for (const side of [master, slave]) if (setup.ddl) await side.run(setup.ddl)
  try {
    await contender.capture(master, setup.tables)
    await contender.join(master, slave, setup.tables)
    const result = await work({ master, slave })
    if (contender.name !== 'none') await expectEqual(master, slave, [MARKER, ...setup.tables])
    return result
  } finally {
    await contender.leave(master, slave)
  }
}
