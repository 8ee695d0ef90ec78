import type { Point } from '@rserv/core'
import { promote, reconcile, rejoin, replicate, switchover, undoSwitchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import assert from 'node:assert/strict'
import { createCluster, expectSame } from './cluster.ts'

/** Something that happens to one or two nodes, chosen by `a` and `b` among those it can happen to. */
export interface Happening {
  readonly what: 'write' | 'sync' | 'switchover' | 'promote' | 'rejoin' | 'repoint' | 'feed from the old'
  readonly a: number
  readonly b: number
  readonly keys: readonly number[]
  readonly remove: boolean
  /** Die there; then run again. */
  readonly crashAt: Point | null
}

export interface Figures {
  happenings: number
  promotions: number
  switchovers: number
  rejoins: number
  repoints: number
  crashes: number
  refused: number
  reported: number
}

interface NodeState {
  readonly isMaster: boolean
  /** Of its own reign; 0: it was never promoted. */
  readonly own: number
  /** The latest that it knows of. */
  readonly generation: number
  /** node_id of whom it follows. */
  readonly follows: string | null
}

const DDL = 'create table t (id int primary key, v text)'
const ROW = `id || ':' || v`

/** Three to five nodes, and what must be true of them after each step. */
export class RolesWorld implements AsyncDisposable {
  readonly #cluster: AsyncDisposable
  readonly #nodes: readonly TestDatabase[]
  readonly #ids: readonly string[]
  readonly #generations = new Map<TestDatabase, number>()
  readonly #figures: Figures
  #written = 0

  constructor(cluster: AsyncDisposable, nodes: readonly { database: TestDatabase; id: string }[], figures: Figures) {
    this.#cluster = cluster
    this.#nodes = nodes.map(({ database }) => database)
    this.#ids = nodes.map(({ id }) => id)
    this.#figures = figures
  }

  async happen(one: Happening): Promise<void> {
    this.#figures.happenings++
    const masters = await this.#masters()
    const [current, ...old] = masters
    if (!current) throw new Error('there is no master')
    const slaves = this.#nodes.filter((node) => !masters.includes(node))
    const slave = pick(slaves, one.b)
    const oldest = old[0]
    const happens: Record<Happening['what'], () => Promise<void> | undefined> = {
      write: () => this.#write(pick(masters, one.a) ?? current, one),
      sync: () => slave && this.#sync(slave),
      switchover: () => slave && this.#switchover(current, slave, one),
      promote: () => (slave && old.length === 0 ? this.#promote(slave, slaves, one) : undefined),
      rejoin: () => oldest && this.#rejoin(oldest, current, one),
      repoint: () => slave && this.#repoint(current, slave),
      'feed from the old': () => oldest && this.#feedFromOld(oldest, current, slaves),
    }
    await happens[one.what]()
    await this.#checkGenerations()
  }

  /** All come together: everybody is equal to the last master. */
  async settle(): Promise<void> {
    const [current, ...old] = await this.#masters()
    if (!current) throw new Error('there is no master')
    for (const one of old) await this.#rejoin(one, current, null)
    for (const node of this.#nodes) {
      if (node === current) continue
      await reconcile(current.config, node.config)
      await replicate(current.config, node.config)
      await expectSame(current, node, ['t'])
    }
    await this.#checkGenerations()
  }

  /** The latest generation first. */
  async #masters(): Promise<TestDatabase[]> {
    const states = await Promise.all(this.#nodes.map(async (node) => ({ node, ...(await stateOf(node)) })))
    return states
      .filter(({ isMaster }) => isMaster)
      .toSorted((a, b) => b.own - a.own)
      .map(({ node }) => node)
  }

  async #write(master: TestDatabase, { keys, remove }: Happening): Promise<void> {
    const value = `w${++this.#written}`
    const list = keys.join(',')
    await master.query(
      remove
        ? `delete from t where id in (${list})`
        : `insert into t select distinct k, '${value}' from unnest(array[${list}]) k on conflict (id) do update set v = excluded.v`,
    )
  }

  /** From whom it follows now; equal to that afterwards, or refused because that is of an older generation. */
  async #sync(slave: TestDatabase): Promise<void> {
    const { follows, generation } = await stateOf(slave)
    const parent = this.#nodes[this.#ids.indexOf(follows ?? '')]
    if (!parent) return
    const above = await stateOf(parent)
    try {
      await replicate(parent.config, slave.config)
      await expectSame(parent, slave, ['t'])
    } catch (error) {
      const code = codeOf(error)
      // A node that was given another master since has no record of those that it fed: they have to be repointed.
      const replaced = code === 'POSITION_UNKNOWN' && (await this.#masters())[0] !== parent
      if (code !== 'OLD_GENERATION' && !replaced) throw error
      assert.ok(replaced || above.generation < generation, 'refused without a reason')
      this.#figures.refused++
    }
  }

  async #switchover(master: TestDatabase, slave: TestDatabase, { crashAt }: Happening): Promise<void> {
    if ((await stateOf(slave)).follows !== this.#idOf(master)) return
    // One that was left behind while its master was another's slave is not on record there any more.
    await replicate(master.config, slave.config).catch((error: unknown) => {
      if (codeOf(error) !== 'POSITION_UNKNOWN') throw error
      return this.#repoint(master, slave)
    })
    this.#figures.switchovers++
    const before = await rowsOf(master)
    await this.#crash(crashAt, (options) => switchover(master.config, slave.config, { anyway: true, ...options }))
    if (crashAt !== null && !(await stateOf(slave)).isMaster) await undoSwitchover(master.config, slave.config)
    await switchover(master.config, slave.config, { anyway: true })
    assert.deepEqual(await rowsOf(slave), before)
    await expectSame(slave, master, ['t'])
  }

  async #promote(slave: TestDatabase, slaves: readonly TestDatabase[], { a, crashAt }: Happening): Promise<void> {
    // Some of the others cannot be reached.
    const reachable = slaves.filter((node, index) => node !== slave && (a >> index) % 2 === 0)
    // Two promotions that nobody knows both of give one generation twice, and stand against each other (docs/explanation/limits.md).
    const all = await Promise.all(this.#nodes.map(stateOf))
    const heard = await Promise.all([slave, ...reachable].map(stateOf))
    if (latest(heard) < latest(all)) return
    this.#figures.promotions++
    const options = { others: reachable.map(({ config }) => config), anyway: true }
    await this.#crash(crashAt, (more) => promote(slave.config, { ...options, ...more }))
    const { followers } = await promote(slave.config, options)
    assert.deepEqual(
      followers.flatMap(({ error }) => error ?? []),
      [],
    )
    for (const other of reachable) await expectSame(slave, other, ['t'])
  }

  /** Whatever the old master had is the new one's, or in the report. */
  async #rejoin(old: TestDatabase, master: TestDatabase, one: Happening | null): Promise<void> {
    this.#figures.rejoins++
    const had = await rowsOf(old)
    await this.#crash(one?.crashAt ?? null, (options) => rejoin(old.config, master.config, options))
    const state = await stateOf(old)
    // Once it is a slave there is nothing left to rejoin; a transfer completes it.
    if (state.isMaster) await rejoin(old.config, master.config)
    await replicate(master.config, old.config)
    await expectSame(master, old, ['t'])
    const reports = await master.query<{ line: string }>(
      `select (old_row ->> 'id') || ':' || (old_row ->> 'v') as line from rserv.rejoin_row where old_row is not null`,
    )
    const accounted = new Set([...(await rowsOf(master)), ...reports.map(({ line }) => line)])
    // What both had, and the master changed since, is no loss.
    const sinceChanged = await this.#changedByMaster(master)
    for (const row of had) {
      assert.ok(sinceChanged.has(Number(row.split(':')[0])) || accounted.has(row), `${row} is nowhere`)
    }
    this.#figures.reported += reports.length
  }

  /** Keys in the master's own log: what it has changed itself, or been sent. */
  async #changedByMaster(master: TestDatabase): Promise<Set<number>> {
    const rows = await master.query<{ k: number }>(
      `select distinct k1 as k from rserv.log_1 l where not exists (select from rserv.rejoin_row r where (r.key ->> 'id')::int = l.k1)`,
    )
    return new Set(rows.map(({ k }) => k))
  }

  async #repoint(master: TestDatabase, slave: TestDatabase): Promise<void> {
    this.#figures.repoints++
    const result = await reconcile(master.config, slave.config)
    assert.deepEqual(result.copied, [])
    await expectSame(master, slave, ['t'])
  }

  /** Nobody who knows of the new master takes anything from the old one. */
  async #feedFromOld(old: TestDatabase, current: TestDatabase, slaves: readonly TestDatabase[]): Promise<void> {
    const { generation } = await stateOf(old)
    for (const slave of [...slaves, current]) {
      const state = await stateOf(slave)
      if (state.generation <= generation) continue
      const before = await rowsOf(slave)
      await assert.rejects(replicate(old.config, slave.config), { code: 'OLD_GENERATION' })
      assert.deepEqual(await rowsOf(slave), before)
      this.#figures.refused++
    }
  }

  async #crash(
    at: Point | null,
    change: (options: { signal: AbortSignal; onEvent: (event: { point?: Point }) => void }) => Promise<unknown>,
  ): Promise<void> {
    if (at === null) return
    const stop = new AbortController()
    const onEvent = ({ point }: { point?: Point }): void => {
      if (point === at) stop.abort()
    }
    const failure = await change({ signal: stop.signal, onEvent }).then(
      () => null,
      (error: unknown) => error,
    )
    if (failure !== null && !stop.signal.aborted) throw failure
    if (stop.signal.aborted) this.#figures.crashes++
  }

  async #checkGenerations(): Promise<void> {
    for (const node of this.#nodes) {
      const { generation } = await stateOf(node)
      assert.ok(generation >= (this.#generations.get(node) ?? 0), 'a generation fell')
      this.#generations.set(node, generation)
    }
  }

  #idOf(node: TestDatabase): string {
    return this.#ids[this.#nodes.indexOf(node)] ?? ''
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]()
  }
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)]
}

async function stateOf(node: TestDatabase): Promise<NodeState> {
  const [row] = await node.query<{ master: boolean; generation: number; own: number; follows: string | null }>(
    `select is_master as master, coalesce((select max(generation) from rserv.reign), 0)::int as generation,
      coalesce((select max(generation) from rserv.reign where master = node_id), 0)::int as own,
      (select origin from rserv.slave_table limit 1) as follows from rserv.node`,
  )
  return {
    isMaster: row?.master ?? false,
    generation: row?.generation ?? 0,
    own: row?.own ?? 0,
    follows: row?.follows ?? null,
  }
}

function latest(states: readonly NodeState[]): number {
  return Math.max(...states.map(({ generation }) => generation))
}

async function rowsOf(node: TestDatabase): Promise<string[]> {
  const rows = await node.query<{ line: string }>(`select ${ROW} as line from t order by id`)
  return rows.map(({ line }) => line)
}

export async function createRoles(count: number, figures: Figures): Promise<RolesWorld> {
  const cluster = await createCluster(DDL, count - 1)
  // So that each was where every other one has been: before that only the master could feed one that came later.
  await cluster.master.query(`insert into t values (0, 'first')`)
  for (const slave of cluster.slaves) await replicate(cluster.master.config, slave.config)
  const nodes: { database: TestDatabase; id: string }[] = []
  for (const database of [cluster.master, ...cluster.slaves]) {
    const [row] = await database.query<{ id: string }>('select node_id as id from rserv.node')
    nodes.push({ database, id: row?.id ?? '' })
  }
  return new RolesWorld(cluster, nodes, figures)
}
