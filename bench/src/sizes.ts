/** How much each case does; every one is an option of the command line, `--wide-rows 1000`. */
export interface Sizes {
  /** Runs of each contender. */
  rounds: number
  /** Scale of pgbench's tables: 100,000 accounts each. */
  scale: number
  clients: number
  /** Seconds of one TPC-B run. */
  oltpSeconds: number
  /** Rows of the wide table in the bulk cases. */
  wideRows: number
  /** Updates, of `wideRows / updates` rows each. */
  updates: number
  wideDeletes: number
  /** Transactions of the OLTP backlog. */
  transactions: number
  hotRows: number
  hotUpdates: number
  copyRows: number
  /** Rows of the large table with three indexes: about 1 kB each. */
  largeRows: number
  tables: number
  /** Transactions a second while the lag is measured. */
  lagRate: number
  lagSeconds: number
  idleSeconds: number
  /** Megabytes of one huge row. */
  hugeMegabytes: number
  hugeRows: number
  cleanRows: number
  slaves: number
  slavesSeconds: number
  /** Switchovers under `lagRate` transactions a second. */
  switchovers: number
  rejoinRows: number
}

export const DEFAULT_SIZES: Sizes = {
  rounds: 3,
  scale: 10,
  clients: 4,
  oltpSeconds: 4,
  wideRows: 500_000,
  updates: 500,
  wideDeletes: 100_000,
  transactions: 200_000,
  hotRows: 1000,
  hotUpdates: 1_000_000,
  copyRows: 2_000_000,
  largeRows: 1_000_000,
  tables: 1000,
  lagRate: 500,
  lagSeconds: 6,
  idleSeconds: 10,
  hugeMegabytes: 50,
  hugeRows: 6,
  cleanRows: 10_000_000,
  slaves: 10,
  slavesSeconds: 6,
  switchovers: 10,
  rejoinRows: 1_000_000,
}

export const QUICK_SIZES: Sizes = {
  rounds: 1,
  scale: 2,
  clients: 4,
  oltpSeconds: 2,
  wideRows: 50_000,
  updates: 50,
  wideDeletes: 10_000,
  transactions: 10_000,
  hotRows: 1000,
  hotUpdates: 100_000,
  copyRows: 200_000,
  largeRows: 50_000,
  tables: 200,
  lagRate: 200,
  lagSeconds: 2,
  idleSeconds: 2,
  hugeMegabytes: 5,
  hugeRows: 2,
  cleanRows: 200_000,
  slaves: 4,
  slavesSeconds: 2,
  switchovers: 2,
  rejoinRows: 20_000,
}
