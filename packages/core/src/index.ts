/** The public API of rserv: operations on masters and slaves, and what a trigger backend implements. */
export type {
  BackendCapabilities,
  BackendResolver,
  CaptureTable,
  Granularity,
  KeyColumn,
  ServerFacts,
  TriggerBackend,
  Verdict,
} from './capture/contract.ts'
export { CONTRACT_VERSION } from './capture/contract.ts'
export type { SlaveTable, SlaveTableState } from './apply/slave-tables.ts'
export type { TableResult } from './apply/results.ts'
export type { Confirmed, ConfirmOutcome } from './acknowledge/confirm.ts'
export type { ErrorCode, ErrorDetails, Side } from './shared/errors.ts'
export { RservError } from './shared/errors.ts'
export type { CommonOptions, RservEvent } from './shared/events.ts'
export type { QualifiedName } from './shared/names.ts'
export type { TypeKind } from './shared/type-kind.ts'
export type { Point } from './shared/points.ts'
export { POINTS } from './shared/points.ts'
export { displayName, quoteBody, quoteIdent, quoteLiteral, quoteName } from './shared/names.ts'
export type { CleanLimit, CleanResult } from './operations/clean-log.ts'
export { cleanLog } from './operations/clean-log.ts'
export type { JudgedBackend } from './operations/judge-backends.ts'
export { judgeBackends } from './operations/judge-backends.ts'
export type { InitResult, MasterInitOptions } from './operations/init.ts'
export { masterInit, slaveInit } from './operations/init.ts'
export type { AddedTable, MasterAddTablesOptions } from './operations/master-add-tables.ts'
export { masterAddTables } from './operations/master-add-tables.ts'
export type { RemovedTable, RemoveTablesOptions } from './operations/master-remove-tables.ts'
export { masterRemoveTables } from './operations/master-remove-tables.ts'
export type { AddedSlaveTable, SlaveAddTablesOptions } from './operations/slave-tables.ts'
export { slaveAddTables, slaveRemoveTables } from './operations/slave-tables.ts'
export type { ReplicateOptions, TransferResult } from './operations/replicate.ts'
export { replicate } from './operations/replicate.ts'
export type { FollowEvent, FollowOptions } from './operations/follow.ts'
export { follow } from './operations/follow.ts'
export type { ResyncedTable, ResyncOptions, ResyncResult } from './operations/resync.ts'
export { resync } from './operations/resync.ts'
export type { SyncIdResult } from './operations/positions.ts'
export { getSyncId, masterSync } from './operations/positions.ts'
export type { PrepareSnapshotOptions, PrepareSnapshotResult } from './operations/prepare-snapshot.ts'
export { prepareSnapshot } from './operations/prepare-snapshot.ts'
export { applySnapshot } from './operations/apply-snapshot.ts'
export type { ServerStatus, SlaveStatus, StatusResult, TableStatus } from './operations/status.ts'
export { status } from './operations/status.ts'
export type { VerifiedTable, VerifyOptions, VerifyOutcome, VerifyResult } from './operations/verify.ts'
export { verify } from './operations/verify.ts'
export type { DifferenceKind, DifferingKey } from './verify/differences.ts'
export type { UninstallOptions } from './operations/uninstall.ts'
export { uninstall } from './operations/uninstall.ts'
