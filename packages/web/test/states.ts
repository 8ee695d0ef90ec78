import type { MasterState, ServiceState, SlaveState } from '@rserv/service'

const AT = '2026-11-26T12:00:00.000Z'

/** Names that nobody should use and everybody may. */
export const ODD = { schema: 'a.b', name: 'x "y"\\z\n{}' }

const slave: SlaveState = {
  name: 'berlin',
  database: 'shop_copy at db2:5432',
  phase: 'copying',
  syncId: '17',
  appliedAt: AT,
  secondsBehind: 1.5,
  rowsBehind: 30,
  keysBehind: 20,
  etaSeconds: 4,
  rowsPerSecond: 5,
  lookedAt: new Date().toISOString(),
  lastError: { code: 'CONNECT', message: 'refused', hint: null, at: AT },
  retryAt: AT,
  throttle: null,
  totals: { transfers: 3, rows: 300, bytes: 3000, failures: 2 },
  last: { syncId: '17', rows: 100, bytes: 1000, elapsedMs: 250, at: AT },
  tables: [
    {
      ...ODD,
      state: 'copying',
      rowsBehind: 30,
      keysBehind: 20,
      copy: { rowsDone: 5, rowsTotal: 10, bytesDone: 50, bytesTotal: 100, startedAt: AT, etaSeconds: 7 },
      error: null,
    },
  ],
}

const master: MasterState = {
  name: 'shop',
  database: 'shop at db1:5432',
  connected: true,
  lastError: { code: 'CONNECT', message: 'refused', hint: null, at: AT },
  logRows: 1000,
  logBytes: 8192,
  cleanedAt: AT,
  logLimit: { bytes: 1e9, over: 'warn', passed: false },
  tables: [{ ...ODD, logRows: 1000, logBytes: 8192 }],
  slaves: [slave],
}

/** A state in which nothing is unknown. */
export const FULL: ServiceState = { version: '1.2.3', startedAt: AT, masters: [master] }

/** A state in which nothing is known yet. */
export const FRESH: ServiceState = {
  ...FULL,
  masters: [
    {
      ...master,
      connected: false,
      lastError: null,
      logRows: null,
      logBytes: null,
      cleanedAt: null,
      logLimit: null,
      tables: [],
      slaves: [
        {
          ...slave,
          phase: 'connecting',
          syncId: null,
          appliedAt: null,
          secondsBehind: null,
          rowsBehind: null,
          keysBehind: null,
          etaSeconds: null,
          rowsPerSecond: null,
          lastError: null,
          retryAt: null,
          last: null,
          tables: [],
        },
      ],
    },
  ],
}
