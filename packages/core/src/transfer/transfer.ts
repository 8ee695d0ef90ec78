import type { Readable } from 'node:stream'
import type { TransferMode } from '../changes/wanted.ts'
import type { Script } from '../ddl/script.ts'
import type { Flow } from '../shared/flow.ts'
import type { QualifiedName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import type { Held, Reign } from './lineage.ts'
import type { TableSize } from './table-size.ts'

interface TransferColumn {
  readonly name: string
  /** The master's type, schema-qualified SQL text. */
  readonly type: string
}

export interface TransferTable {
  readonly tableId: number
  readonly table: QualifiedName
  readonly mode: TransferMode
  readonly keyColumns: readonly string[]
  /** Columns in the order in which they travel; empty where mode is `unchanged`. */
  readonly columns: readonly TransferColumn[]
}

/** The slave that a transfer is for, as the master knows it. */
export interface TransferServer {
  readonly id: number
  readonly name: string
  readonly nodeId: string | null
}

/** What a transfer says of itself before any row. */
export interface TransferHeader {
  /** uuid of the node that the rows come from. */
  readonly origin: string
  readonly originDatabase: string
  /** The slave that it is for. */
  readonly server: TransferServer
  /** Decimal text. */
  readonly syncId: string
  /** uuid that names this position, and no other of any master. */
  readonly token: string
  /** Encoding of texts in the sections; `SQL_ASCII`: bytes as the master has them, which does not know it either. */
  readonly encoding: 'UTF8' | 'SQL_ASCII'
  /** The positions that the master gave this slave since the one that it last confirmed, that one too. */
  readonly given: readonly { readonly syncId: string; readonly token: string }[]
  /** Position that the slave must be at, or beyond; null: a slave without one. */
  readonly from: Position | null
  /** Position that the slave is at afterwards. */
  readonly to: Position
  /** rserv.life() of the origin; a file of an older program has none. */
  readonly life?: string | null
  /** What the origin itself holds of others, where it is a slave. */
  readonly lineage?: readonly Held[]
  /** What the origin knows of masters. */
  readonly reigns?: readonly Reign[]
  /** All tables that the slave holds as of `to`. */
  readonly tables: readonly TransferTable[]
  /** A script that the slave runs after the rows, in the same transaction. */
  readonly script?: Script
}

/**
 * What a section holds: all rows of a copied table (`rows`); for a changed table either its keys (`keys`), followed
 * by a section of the rows that these have (`rows`), or both in one (`mixed`, see copyChanged).
 */
export type SectionPart = 'keys' | 'rows' | 'mixed'

/** Data of one table in COPY format. */
export interface TransferSection {
  readonly table: TransferTable
  readonly part: SectionPart
  /** In COPY's binary format, else text. */
  readonly binary: boolean
  readonly data: Readable
  /** Rows in the section; known when `data` has ended. */
  rowCount(): number
  /** Of a table that is copied because the slave lacks it, where that is known. */
  readonly size?: TableSize | undefined
  /** Told of every piece of `data` that arrives, in bytes. */
  readonly onBytes?: ((bytes: number) => void) | undefined
  /** Holds pieces of `data` back. */
  readonly flow?: Flow | undefined
}

/** Last value of a sequence. */
export interface SequenceValue {
  /** The master's name for it. */
  readonly sequence: QualifiedName
  /** The table and its column that use it; null for a sequence that goes by its own name. */
  readonly table: QualifiedName | null
  readonly column: string | null
  /** Decimal text. */
  readonly lastValue: string
  readonly isCalled: boolean
}

export interface TransferTrailer {
  readonly sequences: readonly SequenceValue[]
}

/** How the receiver would like the sections; a file is as it was written: mixed, in text format. */
export interface SectionWishes {
  /** Keys and rows of changed tables apart. */
  readonly apart: boolean
  /** May the table's data come in binary format? */
  readonly binary: (table: TransferTable) => boolean
  /** May all rows come instead of the changed ones? Not where the receiver keeps columns of its own. */
  readonly whole: (table: TransferTable) => boolean
  /** Has the receiver any row of the table, or any whose only key column is not less than that text? */
  readonly holds: (table: TransferTable, from: string | null) => Promise<boolean>
}

/** Rows on their way: read from a master or from a file, applied to a slave or written to a file. */
export interface Transfer {
  readonly header: TransferHeader
  /** The sections, one after another; each must be read to its end before the next. */
  sections(wishes?: SectionWishes): AsyncIterable<TransferSection>
  /**
   * To be called after the last section and before anything is committed: makes the source durable up to the
   * position, or proves that the file is whole.
   */
  finish(): Promise<TransferTrailer>
}
