import type { Follower } from '../cli.ts'
import type { Database } from '../database.ts'

export type PeerName = 'slony' | 'londiste' | 'bucardo'
export type ContenderName = 'none' | 'rserv' | 'builtin' | 'pipe' | PeerName

/** Replication by triggers that others made: measured where it is installed, in one round. */
export const PEERS: readonly PeerName[] = ['slony', 'londiste', 'bucardo']

/** A way to replicate, as a user would set it up. */
export interface Contender {
  readonly name: ContenderName
  /** From now on the master's changes are kept for a slave. */
  capture(master: Database, tables: readonly string[]): Promise<void>
  /** A slave that holds the same rows as the master takes part; nothing is applied yet. */
  join(master: Database, slave: Database, tables: readonly string[]): Promise<void>
  /** Fills the slave's empty tables; returns when the rows are visible there. */
  copy(master: Database, slave: Database, tables: readonly string[]): Promise<void>
  /** Applies all that was committed on the master before the call; returns when it is visible on the slave. */
  catchUp(master: Database, slave: Database): Promise<void>
  /** Follows from now on, as users have it run for days. */
  follow(master: Database, slave: Database): Promise<Follower>
  /** Ends what is still under way, and lets go of the master's resources, before its database is dropped. */
  leave(master: Database, slave?: Database): Promise<void>
}

/** One that may not be installed. */
export interface PeerContender extends Contender {
  readonly name: PeerName
  /** Are its programs on this machine, and its extensions on the database's server? */
  available(database: Database): Promise<boolean>
}

/** Every database has this table, and every contender replicates it: a row in it tells that all before it arrived. */
export const MARKER = 'bench_marker'
export const CREATE_MARKER = `create table ${MARKER} (id bigint primary key, at timestamptz not null default clock_timestamp())`
