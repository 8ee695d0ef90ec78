import type { SlavePhase, SlaveState } from '@rserv/service'
import { isFollowed } from '../health/readiness.ts'
import type { Metric } from './metric.ts'
import { ofMaster, ofMasterTable, ofService, ofSlave, ofSlaveBy, ofSlaveTable, seconds } from './metric.ts'

const PHASES: readonly SlavePhase[] = [
  'connecting',
  'copying',
  'catching-up',
  'in-sync',
  'paused',
  'retrying',
  'detached',
  'stopped',
]

const TABLE_STATES: readonly SlaveState['tables'][number]['state'][] = ['new', 'copying', 'synced', 'assumed', 'parked']

const SERVICE: readonly Metric[] = [
  ofService('rserv_build_info', 'Always 1; the version is in the label.', {
    labels: { version: ({ version }) => version },
    value: () => 1,
  }),
  ofService('rserv_start_timestamp_seconds', 'When the service started, in seconds since 1970.', {
    value: ({ startedAt }) => seconds(startedAt),
  }),
]

const MASTERS: readonly Metric[] = [
  ofMaster('rserv_master_up', '1 where the master is connected, else 0.', ({ connected }) => (connected ? 1 : 0)),
  ofMaster('rserv_master_log_rows', 'Rows in the logs of all tables. Absent until counted.', ({ logRows }) => logRows),
  ofMaster(
    'rserv_master_log_bytes',
    'Size of the logs of all tables with their indexes, in bytes. Absent until measured.',
    ({ logBytes }) => logBytes,
  ),
  ofMaster(
    'rserv_master_log_limit_bytes',
    'Size that the logs are not to pass, in bytes. Absent where there is no limit.',
    ({ logLimit }) => logLimit && logLimit.bytes,
  ),
  ofMaster(
    'rserv_master_log_cleaned_timestamp_seconds',
    'When the log was last cleaned, in seconds since 1970. Absent where it never was.',
    ({ cleanedAt }) => seconds(cleanedAt),
  ),
  ofMaster(
    'rserv_master_last_error_timestamp_seconds',
    "When the master's last error happened, in seconds since 1970. Absent where there is none.",
    ({ lastError }) => seconds(lastError?.at),
  ),
  ofMasterTable('rserv_table_log_rows', 'Rows in the log of a table.', ({ logRows }) => logRows),
  ofMasterTable('rserv_table_log_bytes', 'Size of the log of a table, in bytes.', ({ logBytes }) => logBytes),
]

const SLAVES: readonly Metric[] = [
  ofSlave(
    'rserv_slave_followed',
    '1 where the slave is followed: it is in sync, catching up or being copied, and was heard of within five minutes; else 0.',
    (slave) => (isFollowed(slave) ? 1 : 0),
  ),
  ofSlaveBy('rserv_slave_phase', '1 for the phase that the slave is in, 0 for the others.', {
    label: 'phase',
    values: ({ phase }) => PHASES.map((one) => [one, one === phase ? 1 : 0]),
  }),
  ofSlave(
    'rserv_slave_lag_seconds',
    'Seconds since the state of the master that the slave shows; 0 when in sync. Absent where it never synced.',
    ({ secondsBehind }) => secondsBehind,
  ),
  ofSlave(
    'rserv_slave_lag_rows',
    'Log rows that wait for the slave. Absent where it never synced.',
    ({ rowsBehind }) => rowsBehind,
  ),
  ofSlave(
    'rserv_slave_lag_keys',
    'Distinct keys that wait for the slave: what the next transfer moves. Absent where it never synced.',
    ({ keysBehind }) => keysBehind,
  ),
  ofSlave(
    'rserv_slave_catch_up_seconds',
    'Estimated seconds until the slave is in sync, by the rates of its last transfers. Absent where nothing was measured yet.',
    ({ etaSeconds }) => etaSeconds,
  ),
  ofSlave(
    'rserv_slave_applied_timestamp_seconds',
    'When the slave last applied a transfer, in seconds since 1970. Absent where it never did.',
    ({ appliedAt }) => seconds(appliedAt),
  ),
  ofSlave('rserv_slave_transfers_total', 'Transfers that were applied.', ({ totals }) => totals.transfers),
  ofSlave('rserv_slave_transferred_rows_total', 'Rows that were written and deleted.', ({ totals }) => totals.rows),
  ofSlave('rserv_slave_transferred_bytes_total', 'Row data that was moved, in bytes.', ({ totals }) => totals.bytes),
  ofSlave('rserv_slave_failures_total', 'Failures after which it was tried again.', ({ totals }) => totals.failures),
  ofSlave(
    'rserv_slave_last_transfer_seconds',
    'How long the last transfer took, in seconds. Absent before the first.',
    ({ last }) => (last === null ? null : last.elapsedMs / 1000),
  ),
  ofSlaveBy(
    'rserv_slave_last_error_timestamp_seconds',
    "When the slave's last error happened, in seconds since 1970; its code is in the label. Absent where there is none.",
    { label: 'code', values: ({ lastError }) => (lastError ? [[lastError.code, seconds(lastError.at)]] : []) },
  ),
  ofSlaveBy('rserv_slave_tables', 'Tables of the slave by their state.', {
    label: 'state',
    values: ({ tables }) => TABLE_STATES.map((one) => [one, tables.filter(({ state }) => state === one).length]),
  }),
]

const TABLES: readonly Metric[] = [
  ofSlaveTable('rserv_table_lag_rows', 'Log rows of a table that wait for the slave.', ({ rowsBehind }) => rowsBehind),
  ofSlaveTable(
    'rserv_table_lag_keys',
    'Distinct keys of a table that wait for the slave.',
    ({ keysBehind }) => keysBehind,
  ),
  ofSlaveTable(
    'rserv_table_parked',
    '1 where the table failed and is left out while the others go on, else 0.',
    ({ state }) => (state === 'parked' ? 1 : 0),
  ),
  ofSlaveTable(
    'rserv_table_copied_rows',
    'Rows copied so far. Present while the table is being copied.',
    ({ copy }) => copy && copy.rowsDone,
  ),
  ofSlaveTable(
    'rserv_table_copy_rows',
    'Estimated rows of the table. Present while the table is being copied.',
    ({ copy }) => copy && copy.rowsTotal,
  ),
  ofSlaveTable(
    'rserv_table_copied_bytes',
    'Row data copied so far, in bytes. Present while the table is being copied.',
    ({ copy }) => copy && copy.bytesDone,
  ),
  ofSlaveTable(
    'rserv_table_copy_left_seconds',
    'Estimated seconds until the table is copied. Present while the table is being copied.',
    ({ copy }) => copy && copy.etaSeconds,
  ),
]

/** Everything that is exported besides the process's own metrics; docs/reference/metrics.md has this as a table. */
export const METRICS: readonly Metric[] = [...SERVICE, ...MASTERS, ...SLAVES, ...TABLES]
