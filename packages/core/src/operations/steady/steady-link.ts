import type { ClientConfig } from 'pg'
import { confirmStatements } from '../../acknowledge/confirm.ts'
import type { TableResult } from '../../apply/results.ts'
import { SUMMARIZE_FROM_ROWS, summarizeLogs } from '../../log/summarize.ts'
import { rollback } from '../../database/transaction.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { Position } from '../../shared/position.ts'
import type { Link } from '../link.ts'
import type { TransferResult } from '../replicate.ts'
import type { Known } from './known.ts'
import { learn } from './known.ts'
import type { Look } from './look.ts'
import { look } from './look.ts'
import { lookUp } from './look-up.ts'
import type { Read } from './read.ts'
import { read } from './read.ts'
import type { Traces } from './traces.ts'
import { traces } from './traces.ts'
import { getReady, isAsKnown, write } from './write.ts'

/** Milliseconds after which everything is looked at again, whatever the versions say. */
const LOOK_AGAIN_MS = 30_000
/** The same where nothing happens, and looks at the versions say so. */
const LEARN_AGAIN_MS = 300_000

/**
 * A slave that moves all the time confirms so seldom, in milliseconds: its own position is what counts, the master's record
 * of it tells what can be cleaned.
 */
const CONFIRM_MS = 100

/**
 * Quick transfers of a few rows over connections that stay open. What `replicate` looks up anew for every transfer is
 * remembered, and believed only while the versions of all catalog entries it came from are the same; statements that
 * need no answer in between travel in one message. Where anything is out of the ordinary nothing has happened, and
 * `replicate` does it, and says what is wrong (docs/decisions/0007-quick-transfers.md).
 */
export class SteadyLink {
  readonly #link: Link
  readonly #slave: ClientConfig
  #known: Known | undefined
  #until = 0
  #learnAgainAt = 0
  /** Applied; to be confirmed with a look, or when there is nothing to do. */
  #unconfirmed: string | undefined
  #confirmedAt = 0
  /** Of the last quiet look. */
  #traces: Traces | undefined
  /** There was something to do the last time: the slave gets ready while the master is looked at. */
  #busy = false

  constructor(link: Link, slave: ClientConfig) {
    this.#link = link
    this.#slave = slave
  }

  /** The slave's; undefined where that is not remembered. */
  get position(): Position | undefined {
    return this.#known?.position.position
  }

  /**
   * Gets ready, after a transfer by `replicate`.
   * @param apart is the table being copied apart?
   */
  async prepare(apart: (table: QualifiedName) => boolean): Promise<void> {
    this.#unconfirmed = undefined
    this.#known = (await learn(this.#link, { apart }).catch(() => null)) ?? undefined
    this.#until = performance.now() + LOOK_AGAIN_MS
    this.#learnAgainAt = performance.now() + LEARN_AGAIN_MS
  }

  /** One transfer; null: nothing was done, this one is for `replicate`. */
  async transfer(): Promise<TransferResult | null> {
    const known = performance.now() < this.#until ? this.#known : undefined
    if (!known) return null
    const started = performance.now()
    // Whatever an error is: replicate meets it too, or it has passed.
    const tables = await this.#attempt(known).catch(() => null)
    if (!tables) return this.#giveUp()
    return {
      outcome: tables.length > 0 ? 'applied' : 'in-sync',
      syncId: known.position.syncId,
      server: known.server.name,
      tables,
      scripts: [],
      bytes: tables.reduce((sum, table) => sum + table.bytes, 0),
      elapsedMs: Math.round(performance.now() - started),
    }
  }

  /**
   * Is there nothing to do, for `replicate` either? A few messages instead of all that it looks up.
   * @returns false also where that is not known
   */
  async quiet(): Promise<boolean> {
    const known = performance.now() < this.#until ? this.#known : undefined
    if (!known) return false
    const same = await this.#looksTheSame(known).catch(() => null)
    if (same === null) await this.#giveUp()
    if (same === true) this.#until = Math.min(performance.now() + LOOK_AGAIN_MS, this.#learnAgainAt)
    return same ?? false
  }

  /** Null: something is out of the ordinary. */
  async #looksTheSame(known: Known): Promise<boolean | null> {
    // Before the look: what happens later leaves other ones.
    const now = await traces(this.#link)
    if (now.snapshots !== this.#traces?.snapshots) {
      const nothing = await this.#nothingChanged(known)
      if (!nothing) return nothing
    }
    const same = now.sequences === this.#traces?.sequences
    this.#traces = now
    return same
  }

  async #nothingChanged(known: Known): Promise<boolean | null> {
    const [same, seen] = await Promise.allSettled([
      isAsKnown(this.#link, known),
      look(this.#link, known, this.#takeUnconfirmed()),
    ])
    if (same.status === 'rejected' || !same.value) return null
    if (seen.status === 'rejected' || !seen.value) return null
    await rollback(this.#link.master)
    return seen.value.changed.length === 0
  }

  /** Tells the master how far the slave is, where that waited for the next look. */
  async confirm(): Promise<void> {
    if (this.#unconfirmed === undefined) return
    await this.#link.master.batch(confirmStatements(this.#unconfirmed)).then(
      () => this.#link.master.reach('acknowledge.confirmed'),
      () => undefined,
    )
    this.#unconfirmed = undefined
  }

  async #giveUp(): Promise<null> {
    this.#known = undefined
    this.#busy = false
    await rollback(this.#link.slave)
    await rollback(this.#link.master)
    return null
  }

  async #attempt(known: Known): Promise<TableResult[] | null> {
    const ready = this.#busy ? getReady(this.#link, known) : undefined
    // Its failure is met when it is waited for.
    ready?.catch(() => undefined)
    const seen = await look(this.#link, known, this.#takeUnconfirmed())
    this.#busy = seen !== null && seen.changed.length > 0
    if (!seen) return null
    if (seen.changed.length === 0) {
      await Promise.allSettled([rollback(this.#link.master), ready?.then(() => rollback(this.#link.slave))])
      await this.confirm()
      return []
    }
    const moving = await this.#read(known, seen, ready ?? getReady(this.#link, known))
    if (!moving) return null
    const { name: serverName } = known.server
    const { position, lineage } = seen
    const now = { position, lineage, life: known.life, serverName, config: this.#slave }
    const done = await write(this.#link, moving, now)
    if (!done) return null
    known.position = { syncId: moving.syncId, position: seen.position }
    this.#unconfirmed = moving.syncId
    await this.#summarize(known, seen)
    return done
  }

  /** What is due to be confirmed. */
  #takeUnconfirmed(): string | undefined {
    if (performance.now() - this.#confirmedAt < CONFIRM_MS) return undefined
    const syncId = this.#unconfirmed
    this.#confirmedAt = performance.now()
    this.#unconfirmed = undefined
    return syncId
  }

  async #summarize({ logged }: Known, { logRows }: Look): Promise<void> {
    for (const [tableId, rows] of logRows) logged.set(tableId, (logged.get(tableId) ?? 0) + rows)
    const due = [...logged].flatMap(([tableId, rows]) => (rows >= SUMMARIZE_FROM_ROWS ? [tableId] : []))
    for (const tableId of due) logged.delete(tableId)
    await summarizeLogs(this.#link.master, due)
  }

  /** The master reads while the slave gets ready. */
  async #read(known: Known, seen: Look, ready: Promise<boolean>): Promise<Read | null> {
    ready.catch(() => undefined)
    const fresh = seen.changed.filter(({ tableId }) => !known.tables.has(tableId))
    if (fresh.length > 0 && !(await ready)) return null
    for (const table of fresh) known.tables.set(table.tableId, await lookUp(this.#link, table))
    const [moving, isReady] = await Promise.allSettled([read(this.#link, known, seen), ready])
    if (moving.status === 'rejected') throw moving.reason
    if (isReady.status === 'rejected') throw isReady.reason
    return isReady.value ? moving.value : null
  }
}
