import { expectEqual } from '../compare.ts'
import { CREATE_MARKER, MARKER } from '../contenders/contender.ts'
import type { ContenderName } from '../contenders/contender.ts'
import { contender } from '../contenders/index.ts'
import { Database } from '../database.ts'
import type { Servers } from '../servers.ts'

/** A master and a slave for each contender, which take turns in following. */
export class FollowedPairs implements AsyncDisposable {
  readonly #pairs = new Map<ContenderName, { master: Database; slave: Database }>()
  readonly #tables: readonly string[]

  private constructor(tables: readonly string[]) {
    this.#tables = tables
  }

  static async create(
    servers: Servers,
    names: readonly ContenderName[],
    { ddl, tables, label }: { ddl: string; tables: readonly string[]; label: string },
  ): Promise<FollowedPairs> {
    const pairs = new FollowedPairs(tables)
    for (const name of names) {
      const master = await Database.create(servers.master, `bench_${label}_${name}`)
      const slave = await Database.create(servers.slave, `bench_${label}_${name}_slave`)
      pairs.#pairs.set(name, { master, slave })
      for (const side of [master, slave]) await side.run(`${CREATE_MARKER}; ${ddl}`)
      await contender(name).capture(master, tables)
      await contender(name).join(master, slave, tables)
      for (const side of [master, slave]) await side.run('vacuum analyze')
    }
    return pairs
  }

  get(name: ContenderName): { master: Database; slave: Database } {
    const pair = this.#pairs.get(name)
    if (!pair) throw new Error(`no databases for ${name}`)
    return pair
  }

  /** Runs the work while the contender follows; afterwards both sides must be equal. */
  async following<T>(name: ContenderName, work: (pid: number) => Promise<T>): Promise<T> {
    const { master, slave } = this.get(name)
    const follower = await contender(name).follow(master, slave)
    let result: T
    try {
      result = await work(follower.pid)
    } finally {
      await follower.stop()
    }
    if (name !== 'none') {
      await contender(name).catchUp(master, slave)
      await expectEqual(master, slave, [MARKER, ...this.#tables])
    }
    return result
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const [name, { master, slave }] of this.#pairs) {
      await contender(name).leave(master, slave)
      await master[Symbol.asyncDispose]()
      await slave[Symbol.asyncDispose]()
    }
  }
}
