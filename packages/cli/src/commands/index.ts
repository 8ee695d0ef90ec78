import type { Command } from '../command.ts'
import { demoCommand } from '../demo/command.ts'
import { backendsCommand } from './backends.ts'
import { ddlCommand } from './ddl.ts'
import { forgetSlaveCommand } from './forget-slave.ts'
import { initCommand } from './init-config.ts'
import { masterInitCommand, slaveInitCommand } from './init.ts'
import { checkCommand } from './check.ts'
import { pauseCommand, resumeCommand, throttleCommand } from './control.ts'
import { cleanLogCommand, getSyncIdCommand, masterSyncCommand } from './positions.ts'
import { replicateCommand } from './replicate.ts'
import { repointCommand } from './repoint.ts'
import { applySnapshotCommand, prepareSnapshotCommand } from './snapshots.ts'
import { runCommand } from './run.ts'
import { resyncCommand } from './resync.ts'
import { masterAddSequenceCommand, masterRemoveSequenceCommand } from './sequences.ts'
import { statusCommand } from './status.ts'
import {
  masterAddTableCommand,
  masterRemoveTableCommand,
  slaveAddTableCommand,
  slaveRemoveTableCommand,
} from './tables.ts'
import { promoteCommand } from '../roles/promote.ts'
import { reapplyCommand, rejoinCommand } from '../roles/rejoin.ts'
import { switchoverCommand } from '../roles/switchover.ts'
import { uiCommand } from '../ui/command.ts'
import { uninstallCommand } from './uninstall.ts'
import { verifyCommand } from './verify.ts'

/** All commands, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  masterInitCommand,
  slaveInitCommand,
  masterAddTableCommand,
  slaveAddTableCommand,
  masterAddSequenceCommand,
  replicateCommand,
  initCommand,
  runCommand,
  pauseCommand,
  resumeCommand,
  throttleCommand,
  ddlCommand,
  getSyncIdCommand,
  masterSyncCommand,
  cleanLogCommand,
  prepareSnapshotCommand,
  applySnapshotCommand,
  statusCommand,
  checkCommand,
  verifyCommand,
  resyncCommand,
  repointCommand,
  switchoverCommand,
  promoteCommand,
  rejoinCommand,
  reapplyCommand,
  backendsCommand,
  masterRemoveTableCommand,
  slaveRemoveTableCommand,
  masterRemoveSequenceCommand,
  forgetSlaveCommand,
  uninstallCommand,
  demoCommand,
  uiCommand,
]
