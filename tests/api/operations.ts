import { createReadStream, createWriteStream } from 'node:fs'
import {
  applySnapshot,
  check,
  cleanLog,
  ddl,
  describeSlave,
  detachSlave,
  follow,
  forgetSlave,
  getSyncId,
  judgeBackends,
  masterAddSequences,
  masterAddTables,
  masterInit,
  masterRemoveSequences,
  masterRemoveTables,
  masterSync,
  pauseSlaves,
  prepareSnapshot,
  replicate,
  resumeSlaves,
  resync,
  RservError,
  slaveAddTables,
  slaveInit,
  slaveRemoveTables,
  status,
  throttleSlaves,
  uninstall,
  verify,
  watchMaster,
} from '@rserv/core'
import { backend } from '@rserv/trigger-plpgsql'
import type { ClientConfig } from 'pg'

/** Two databases, and what the examples need besides. */
export interface Stage {
  readonly master: ClientConfig
  readonly slave: ClientConfig
  /** A file for a snapshot. */
  readonly file: string
  /** Somebody writes on the master. */
  readonly write: (sql: string) => Promise<unknown>
  readonly say: (line: string) => void
}

const backends = async (): Promise<typeof backend> => backend

/**
 * Every operation once, in an order in which they work. The regions are the examples of docs/reference/api.md; the test
 * beside runs them all.
 */
export async function everyOperation(stage: Stage): Promise<void> {
  await setUp(stage)
  await transfer(stage)
  await keep(stage)
  await remove(stage)
}

async function setUp({ master, slave, say }: Stage): Promise<void> {
  // #region judgeBackends
  for (const { name, verdict } of await judgeBackends(master, [backend])) {
    say(verdict.ok ? `${name} can be used` : `${name} cannot: ${verdict.reason}`)
  }
  // #endregion

  // #region masterInit
  const { nodeId } = await masterInit(master, { backends })
  say(`the master is node ${nodeId}`)
  // #endregion

  // #region slaveInit
  await slaveInit(slave)
  // #endregion

  // #region masterAddTables
  const { tables } = await masterAddTables(master, { tables: ['orders', 'sales.*'], backends })
  for (const { table, keyColumns } of tables) say(`${table.schema}.${table.name} by ${keyColumns.join(', ')}`)
  // #endregion

  // #region masterAddSequences
  await masterAddSequences(master, { sequences: ['invoice_number'] })
  // #endregion

  // #region slaveAddTables
  await slaveAddTables(slave, { tables: ['orders', 'sales.*'] })
  // #endregion

  // #region check
  const { findings } = await check(master, [slave], { backends })
  for (const { severity, code, text, fix } of findings) say(`${severity} ${code}: ${text}. ${fix}`)
  // #endregion
}

async function transfer({ master, slave, file, write, say }: Stage): Promise<void> {
  // #region replicate
  try {
    const { syncId, tables: done } = await replicate(master, slave)
    for (const { table, written, deleted } of done) say(`${table.name}: ${written} written, ${deleted} deleted`)
    say(`the slave is at ${syncId}`)
  } catch (error) {
    if (!(error instanceof RservError)) throw error
    say(`${error.code}: ${error.message} ${error.hint ?? ''}`)
  }
  // #endregion
  await write(`update orders set item = 'tea' where id = 1`)

  // #region prepareSnapshot
  const server = slave.database
  const { outcome, syncId } = await prepareSnapshot(master, createWriteStream(file), { server })
  say(`${outcome}: ${syncId}`)
  // #endregion

  // #region applySnapshot
  await applySnapshot(slave, createReadStream(file))
  // #endregion

  // #region getSyncId
  const applied = await getSyncId(slave)
  // #endregion

  // #region masterSync
  if (applied.syncId !== null) await masterSync(master, BigInt(applied.syncId))
  // #endregion
  await write(`insert into orders values (2, 'bread')`)

  // #region follow
  const stop = new AbortController()
  for await (const event of follow(master, slave, { stop: stop.signal })) {
    say(event.kind)
    if (event.kind === 'in-sync') stop.abort()
  }
  // #endregion
}

async function keep({ master, slave, say }: Stage): Promise<void> {
  // #region status
  const { servers } = await status(master)
  for (const { server: name, rowsBehind } of servers) say(`${name}: ${rowsBehind} rows behind`)
  // #endregion

  // #region describeSlave
  const { tables } = await describeSlave(slave)
  for (const { table, state } of tables) say(`${table.name} is ${state}`)
  // #endregion

  // #region watchMaster
  await using watch = await watchMaster(master)
  for (const { server, syncId } of await watch.slaves()) say(`${server} has confirmed ${syncId}`)
  // #endregion

  // #region pauseSlaves
  const { changed } = await pauseSlaves(master) // or one: { server: 'shop_copy' }
  say(`paused: ${changed.join(', ')}`)
  // #endregion

  // #region resumeSlaves
  await resumeSlaves(master)
  // #endregion

  // #region throttleSlaves
  await throttleSlaves(master, { rowsPerSecond: 5000 })
  await throttleSlaves(master, null)
  // #endregion

  // #region verify
  const compared = await verify(master, slave, { repair: true })
  for (const { table, outcome } of compared.tables) say(`${table.name}: ${outcome}`)
  // #endregion

  // #region cleanLog
  const { rows } = await cleanLog(master, { olderThanSeconds: 3600, backends })
  say(`${rows} log rows removed`)
  // #endregion

  // #region ddl
  const { slaves } = await ddl(master, [slave], { script: 'alter table orders add amount int', backends })
  for (const { database, outcome } of slaves) say(`${database}: ${outcome}`)
  // #endregion

  // #region resync
  await resync(master, slave, { tables: ['orders'], backends })
  // #endregion
}

async function remove({ master, slave }: Stage): Promise<void> {
  // #region slaveRemoveTables
  await slaveRemoveTables(slave, { tables: ['sales.*'] })
  // #endregion

  // #region masterRemoveTables
  await masterRemoveTables(master, { tables: ['sales.*'], backends })
  // #endregion

  // #region masterRemoveSequences
  await masterRemoveSequences(master, { sequences: ['invoice_number'] })
  // #endregion

  // #region detachSlave
  await detachSlave(master, { server: slave.database ?? '', why: 'it is away for too long' })
  // #endregion

  // #region forgetSlave
  await forgetSlave(master, slave.database ?? '')
  // #endregion

  // #region uninstall
  for (const database of [master, slave]) await uninstall(database, { backends })
  // #endregion
}
