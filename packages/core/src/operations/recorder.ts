import type { ConfigSource, Session } from '../database/session.ts'
import { currentConfig, openSession } from '../database/session.ts'
import { rollback } from '../database/transaction.ts'
import type { Side } from '../shared/errors.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { addressOf } from '../record/address.ts'
import { isWorthRecording, overStatement, recordStatement } from '../record/last-error.ts'
import { addressStatement, magnitudeOf, notedStatement, ratesStatement } from '../record/rates.ts'
import type { Link } from './link.ts'
import type { TransferResult } from './replicate.ts'

/** Milliseconds between two notes of rates, while all goes well. */
const NOTE_MS = 10_000
/** Milliseconds that recording an error may take, connecting included. */
const PATIENCE_MS = 3000

/**
 * Records in the bookkeeping what happened to a pair, for `status`: the last error, and how fast transfers are. Never
 * inside a transfer, seldom, and whatever goes wrong with it is nobody's concern.
 */
export class Recorder implements AsyncDisposable {
  readonly #master: ConfigSource
  readonly #slave: ConfigSource
  readonly #options: CommonOptions
  /** The connections over which it was noted that all is well. */
  #noted: Link | undefined
  #notedAt = 0
  #nodes: { readonly master: string; readonly slave: string } | undefined
  readonly #rates = new Map<number, { magnitude: number; rows: number; ms: number }>()
  #recording: Promise<unknown> = Promise.resolve()
  /** Errors that are being recorded. */
  #pending = 0

  constructor(master: ConfigSource, slave: ConfigSource, options: CommonOptions) {
    this.#master = master
    this.#slave = slave
    this.#options = options
  }

  /** Connected: from now on it is known who the pair is. */
  connected({ node, slaveNode }: Link): void {
    this.#nodes = { master: node.nodeId, slave: slaveNode.nodeId }
  }

  /** All is well after a transfer, or (null) a look that found nothing to do. Both connections are free. */
  async succeeded(link: Link, result: TransferResult | null): Promise<void> {
    if (result) this.#measure(result)
    const due = this.#rates.size > 0 && performance.now() >= this.#notedAt + NOTE_MS
    if (due || this.#noted !== link) await this.flush(link)
  }

  /** Notes that all is well, and the rates. */
  async flush(link: Link): Promise<void> {
    const first = this.#noted !== link
    // It would be recorded after it was over; the next turn will do.
    if (this.#pending > 0 || (!first && this.#rates.size === 0)) return
    this.#noted = link
    this.#notedAt = performance.now()
    const rates = [...this.#rates.values()]
    this.#rates.clear()
    const { nodeId } = link.slaveNode
    const [master, slave] = [await addressFrom(this.#master), await addressFrom(this.#slave)]
    await Promise.all([
      note(link.master, [
        ...(first ? [overStatement({ nodeId, address: slave }), addressStatement(nodeId, slave)] : []),
        ...(rates.length > 0 ? [ratesStatement(nodeId, rates), notedStatement(nodeId)] : []),
      ]),
      first && note(link.slave, [overStatement({ nodeId: link.node.nodeId, address: master })]),
    ])
  }

  /** In the background: nothing waits for it but the end, and the next success. */
  failed(error: unknown): void {
    if (!isWorthRecording(error) || this.#options.signal?.aborted) return
    this.#noted = undefined
    this.#pending++
    const recorded = (): number => this.#pending--
    this.#recording = this.#recording.then(() => this.#record(error)).then(recorded, recorded)
  }

  /** Waits for what is being recorded. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#recording
  }

  /** With the master, where it can be reached; else with the slave. */
  async #record(error: unknown): Promise<void> {
    const masterIsDown = error instanceof RservError && error.code === 'CONNECT' && error.side === 'master'
    if (!masterIsDown && (await this.#recordOn('master', error))) return
    await this.#recordOn('slave', error)
  }

  async #recordOn(side: Side, error: unknown): Promise<boolean> {
    const signals = [AbortSignal.timeout(PATIENCE_MS), ...(this.#options.signal ? [this.#options.signal] : [])]
    const [own, peer] = side === 'master' ? [this.#master, this.#slave] : [this.#slave, this.#master]
    try {
      const address = await addressFrom(peer)
      const nodeId = this.#nodes?.[side === 'master' ? 'slave' : 'master'] ?? null
      await using session = await openSession(await currentConfig(own), side, { signal: AbortSignal.any(signals) })
      return await note(session, [recordStatement(error, { nodeId, address }, side)])
    } catch {
      return false
    }
  }

  #measure({ outcome, tables, elapsedMs }: TransferResult): void {
    const rows = tables.reduce((sum, { written, deleted }) => sum + written + deleted, 0)
    if (outcome !== 'applied' || rows === 0) return
    const magnitude = magnitudeOf(rows)
    const sum = this.#rates.get(magnitude) ?? { magnitude, rows: 0, ms: 0 }
    this.#rates.set(magnitude, { magnitude, rows: sum.rows + rows, ms: sum.ms + elapsedMs })
  }
}

async function addressFrom(source: ConfigSource): Promise<string> {
  return addressOf(await currentConfig(source))
}

/** In a transaction of its own, which waits for nobody for long and need not be durable. False: it could not be done. */
async function note(session: Session, statements: readonly string[]): Promise<boolean> {
  const settings = ['statement_timeout = 2000', 'lock_timeout = 1000', 'synchronous_commit = off', 'row_security = off']
  try {
    await session.batch([
      'begin isolation level read committed read write',
      ...settings.map((setting) => `set local ${setting}`),
      'set local search_path = pg_catalog, pg_temp',
      ...statements,
      'commit',
    ])
    return true
  } catch {
    await rollback(session)
    return false
  }
}
