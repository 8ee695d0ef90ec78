import fc from 'fast-check'
import type { KeyType, ValueType } from './types.ts'
import { KEY_TYPES, VALUE_TYPES } from './types.ts'

/** What a foreign key of a table to the one before it does; `none`: there is no such key. */
const ACTIONS = ['none', 'no action', 'cascade', 'set null', 'restrict'] as const

export interface TableShape {
  readonly key: readonly KeyType[]
  readonly values: readonly ValueType[]
  /** A nullable integer column that is unique. */
  readonly unique: 'none' | 'plain' | 'deferrable'
  readonly generated: boolean
  /** By ranges of the first key column, which is then an integer. */
  readonly partitioned: boolean
  readonly parent: (typeof ACTIONS)[number]
}

/** A row, made from small numbers: key, reference to the parent, values. */
export interface RowShape {
  readonly a: number
  readonly b: number
  readonly p: number
  readonly v: number
}

/** A statement that changes rows of table `t`. */
export type Change =
  | { op: 'insert' | 'merge' | 'exceptions'; t: number; rows: RowShape[] }
  | { op: 'copy'; t: number; rows: RowShape[] }
  | { op: 'upsert'; t: number; rows: RowShape[]; nothing: boolean }
  | { op: 'update' | 'rekey'; t: number; a: number; v: number }
  | { op: 'swap'; t: number; a: number; v: number }
  | { op: 'delete'; t: number; a: number }
  | { op: 'truncate'; t: number; cascade: boolean }

export type Control =
  | { op: 'begin'; isolation: 'read committed' | 'repeatable read' | 'serializable' }
  | { op: 'commit' | 'rollback' | 'savepoint' | 'rollback to' | 'release' | 'prepare' }

export const DDL = [
  'index',
  'add column',
  'partition',
  'vacuum full',
  'cluster',
  'reindex',
  'analyze',
  'fillfactor',
] as const

export type Step =
  | { on: number; step: Change | Control }
  /** Statements of all connections at once. */
  | { together: Change[] }
  | { finish: 'commit' | 'rollback' }
  | { ddl: (typeof DDL)[number]; t: number }
  /** With `wait` false the steps that follow run against it. */
  | { sync: true; wait: boolean }
  | { clean: true }
  /** The slave registers the table anew, or it is resynced, so that it is copied. */
  | { recopy: number; resync: boolean }

export interface History {
  readonly tables: readonly TableShape[]
  /** The slave's role may not set session_replication_role. */
  readonly ordinary: boolean
  /** Transfers come from one that follows, not from one run each. */
  readonly followed: boolean
  /** Every new table is copied in a transaction of its own, before the transfer that joins it, or beside others. */
  readonly apart: boolean
  readonly steps: readonly Step[]
}

export const CONNECTIONS = 4

const small = fc.integer({ min: 0, max: 9 })
const value = fc.integer({ min: 0, max: 30 })
const t = fc.nat({ max: 2 })
const row: fc.Arbitrary<RowShape> = fc.record({ a: small, b: fc.nat({ max: 1 }), p: small, v: value })
const rows = fc.array(row, { minLength: 1, maxLength: 5 })

const shape: fc.Arbitrary<TableShape> = fc.record({
  key: fc.array(fc.constantFrom(...(Object.keys(KEY_TYPES) as KeyType[])), { minLength: 1, maxLength: 2 }),
  values: fc.array(fc.constantFrom(...(Object.keys(VALUE_TYPES) as ValueType[])), { minLength: 1, maxLength: 4 }),
  unique: fc.constantFrom('none', 'plain', 'deferrable'),
  generated: fc.boolean(),
  partitioned: fc.oneof({ weight: 2, arbitrary: fc.constant(false) }, fc.constant(true)),
  parent: fc.constantFrom(...ACTIONS),
})

const change: fc.Arbitrary<Change> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ op: fc.constant('insert' as const), t, rows }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constantFrom('merge' as const, 'exceptions'), t, rows }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('copy' as const), t, rows }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('upsert' as const), t, rows, nothing: fc.boolean() }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constantFrom('update' as const, 'rekey'), t, a: small, v: value }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('swap' as const), t, a: small, v: small }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), t, a: small }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('truncate' as const), t, cascade: fc.boolean() }) },
)

const control: fc.Arbitrary<Control> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant('begin' as const),
      isolation: fc.constantFrom('read committed' as const, 'repeatable read', 'serializable'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constantFrom('commit' as const, 'rollback', 'savepoint', 'rollback to', 'release', 'prepare'),
    }),
  },
)

const on = fc.nat({ max: CONNECTIONS - 1 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 14, arbitrary: fc.record({ on, step: change }) },
  { weight: 7, arbitrary: fc.record({ on, step: control }) },
  { weight: 2, arbitrary: fc.record({ together: fc.array(change, { minLength: 2, maxLength: CONNECTIONS }) }) },
  { weight: 1, arbitrary: fc.record({ finish: fc.constantFrom('commit' as const, 'rollback') }) },
  { weight: 1, arbitrary: fc.record({ ddl: fc.constantFrom(...DDL), t }) },
  { weight: 3, arbitrary: fc.record({ sync: fc.constant(true as const), wait: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.oneof(fc.constant({ clean: true } as const), fc.record({ recopy: t, resync: fc.boolean() })),
  },
)

/** Random schemas of one to three tables, and what happens to them. */
export const history: fc.Arbitrary<History> = fc.record({
  tables: fc.array(shape, { minLength: 1, maxLength: 3 }),
  ordinary: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  followed: fc.boolean(),
  apart: fc.boolean(),
  steps: fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }),
})
