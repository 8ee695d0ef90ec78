import type { Point } from '@rserv/core'
import { promote, reconcile, rejoin, replicate, switchover, undoSwitchover } from '@rserv/core'
import type { TestDatabase } from '@rserv/test-utils'
import assert from 'node:assert/strict'
import { addSlave, createCluster, expectSame } from './cluster.ts'
import { codeOf, idOf, latest, moveClock, pick, rowsOf, stateOf } from './node-state.ts'
import type { Figures } from './figures.ts'
import type { Change } from './mishap.ts'
import { mishap, untilGone } from './mishap.ts'
import type { Proxy } from '../support/proxy.ts'
import { startProxy } from '../support/proxy.ts'

/** Something that happens to one or two nodes, chosen by `a` and `b` among those it can happen to. */
export interface Happening {
  readonly what:
    | 'write'
    | 'sync'
    | 'switchover'
    | 'promote'
    | 'rejoin'
    | 'repoint'
    | 'feed from the old'
    | 'clock'
    | 'replace'
  readonly a: number
  readonly b: number
  readonly keys: readonly number[]
  readonly remove: boolean
  /** Die there, or lose all connections; then run again. */
  readonly crashAt: Point | null
  readonly cut: boolean
}

const DDL = 'create table t (id int primary key, v text)'

/** Three to five nodes, and what must be true of them after each step. */
export class RolesWorld implements AsyncDisposable {
  readonly #cluster: AsyncDisposable
  readonly #nodes: TestDatabase[]
  readonly #ids: string[]
  readonly #proxy: Proxy
  readonly #generations = new Map<TestDatabase, number>()
  readonly #figures: Figures
  readonly #fresh: TestDatabase[] = []
  #written = 0

  constructor(
    { cluster, proxy }: { cluster: AsyncDisposable; proxy: Proxy },
    nodes: readonly { database: TestDatabase; id: string }[],
    figures: Figures,
  ) {
    this.#cluster = cluster
    this.#proxy = proxy
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
      clock: () => this.#moveClock(one),
      replace: () => (slave && old.length === 0 ? this.#replace(current, slave, one) : undefined),
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

  async #switchover(master: TestDatabase, slave: TestDatabase, one: Happening): Promise<void> {
    if ((await stateOf(slave)).follows !== this.#idOf(master)) return
    // One that was left behind while its master was another's slave is not on record there any more.
    await replicate(master.config, slave.config).catch((error: unknown) => {
      if (codeOf(error) !== 'POSITION_UNKNOWN') throw error
      return this.#repoint(master, slave)
    })
    this.#figures.switchovers++
    const before = await rowsOf(master)
    await this.#crash(one, (via, options) => switchover(via(master), via(slave), { anyway: true, ...options }))
    if (one.crashAt !== null && !(await stateOf(slave)).isMaster) await undoSwitchover(master.config, slave.config)
    await switchover(master.config, slave.config, { anyway: true })
    assert.deepEqual(await rowsOf(slave), before)
    await expectSame(slave, master, ['t'])
  }

  async #promote(slave: TestDatabase, slaves: readonly TestDatabase[], one: Happening): Promise<void> {
    // Some of the others cannot be reached.
    const reachable = slaves.filter((node, index) => node !== slave && (one.a >> index) % 2 === 0)
    this.#figures.promotions++
    const [current] = await this.#masters()
    const known = latest(await Promise.all(this.#nodes.map(stateOf)))
    const heard = latest(await Promise.all([slave, ...reachable].map(stateOf)))
    await this.#crash(one, (via, more) => promote(via(slave), { others: reachable.map(via), anyway: true, ...more }))
    await this.#promoteNow(slave, reachable)
    if (heard === known || !current) return
    // Somebody knows of a later promotion, or of one of the same generation: it is promoted once more, above that.
    this.#figures.rivals++
    const others = this.#nodes.filter((node) => node !== slave && node !== current)
    await this.#promoteNow(slave, others, current)
    assert.ok((await stateOf(slave)).own > known, 'it is not above the others')
  }

  async #promoteNow(slave: TestDatabase, others: readonly TestDatabase[], oldMaster?: TestDatabase): Promise<void> {
    const configs = others.map(({ config }) => config)
    const { followers } = await promote(slave.config, { others: configs, anyway: true, oldMaster: oldMaster?.config })
    assert.deepEqual(
      followers.flatMap(({ error }) => error ?? []),
      [],
    )
    for (const other of others) await expectSame(slave, other, ['t'])
  }

  async #moveClock({ a, b }: Happening): Promise<void> {
    const node = pick(this.#nodes, a)
    if (!node) return
    this.#figures.clocks++
    await moveClock(node, (b - 50) * 1_000_000)
  }

  /** A slave is lost, with its disk, and another one comes in its place, while the others go on. */
  async #replace(master: TestDatabase, slave: TestDatabase, one: Happening): Promise<void> {
    this.#figures.replaced++
    const others = this.#nodes.filter((node) => node !== slave && node !== master)
    for (const node of others) await reconcile(master.config, node.config)
    const fresh = await addSlave(DDL, { label: 'fresh' })
    this.#fresh.push(fresh)
    await this.#crash({ crashAt: one.crashAt && 'apply.rows', cut: one.cut }, (via, options) =>
      replicate(via(master), via(fresh), options),
    )
    await replicate(master.config, fresh.config)
    const index = this.#nodes.indexOf(slave)
    this.#nodes[index] = fresh
    this.#ids[index] = await idOf(fresh)
    this.#generations.delete(slave)
    // So that it has been where every other one was.
    await this.#write(master, { ...one, remove: false })
    for (const node of [...others, fresh]) await replicate(master.config, node.config)
  }

  /** Whatever the old master had is the new one's, or in the report. */
  async #rejoin(old: TestDatabase, master: TestDatabase, one: Happening | null): Promise<void> {
    this.#figures.rejoins++
    const had = await rowsOf(old)
    await this.#crash(one, (via, options) => rejoin(via(old), via(master), options))
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

  async #crash(one: Pick<Happening, 'crashAt' | 'cut'> | null, change: Change): Promise<void> {
    if (!one?.crashAt) return
    const met = await mishap(one.crashAt, one.cut ? this.#proxy : null, change)
    if (!met) return
    if (one.cut) this.#figures.cuts++
    else this.#figures.crashes++
    await untilGone(this.#nodes)
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
    await this.#proxy[Symbol.asyncDispose]()
    for (const node of this.#fresh) await node[Symbol.asyncDispose]()
    await this.#cluster[Symbol.asyncDispose]()
  }
}

export async function createRoles(count: number, figures: Figures): Promise<RolesWorld> {
  const cluster = await createCluster(DDL, count - 1)
  // So that each was where every other one has been: before that only the master could feed one that came later.
  await cluster.master.query(`insert into t values (0, 'first')`)
  for (const slave of cluster.slaves) await replicate(cluster.master.config, slave.config)
  const nodes: { database: TestDatabase; id: string }[] = []
  for (const database of [cluster.master, ...cluster.slaves]) {
    nodes.push({ database, id: await idOf(database) })
  }
  return new RolesWorld({ cluster, proxy: await startProxy(cluster.master.config) }, nodes, figures)
}
