import type { KnownServer } from '../acknowledge/servers.ts'
import { findServer } from '../acknowledge/servers.ts'
import { findUnguarded } from '../capture/guard.ts'
import { registerSlave } from '../operations/register-server.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'
import { shellWord } from '../shared/resync-command.ts'
import { inTransaction } from '../database/transaction.ts'
import type { Sides } from './common-state.ts'
import type { SharedTable } from './shared-tables.ts'

/** A position that a source gave to a target without a transfer. */
export interface Given {
  /** Decimal text. */
  readonly syncId: string
  readonly token: string
  readonly position: Position
  /** The target's name on the source. */
  readonly server: string
}

/** Registers the target with the source as its slave. */
export async function entrust({ source, target, targetNode }: Sides): Promise<{
  /** Writes down that the target is at a position. Inside a transaction on the source. */
  record(position: Position, tables: readonly SharedTable[]): Promise<Given>
}> {
  const { nodeId } = targetNode
  const known = await inTransaction(source, () => findServer(source, { nodeId }))
  const server = await registerSlave(source, { nodeId, database: target.database }, { known, wanted: undefined })
  return {
    async record(position, tables) {
      const given = await writeSync(source, server, { position, ids: tables.map(({ source: { tableId } }) => tableId) })
      return { ...given, position, server: server.name }
    },
  }
}

/** Gives a slave a position that no transfer brought it to, and lets the log cover it. */
export async function writeSync(
  source: Sides['source'],
  server: Pick<KnownServer, 'id'>,
  { position, ids }: { position: Position; ids: readonly number[] },
): Promise<{ syncId: string; token: string }> {
  const row = await source.row(
    `insert into rserv.sync (sync_id, server_id, position, table_ids)
      values (nextval('rserv.sync_id_seq'), $1, $2, $3::integer[]) returning sync_id, token`,
    [server.id, position, `{${ids.join(',')}}`],
  )
  await source.run(
    `update rserv.server v set sync_id = s.sync_id, position = s.position, behind = null, table_ids = s.table_ids,
        confirmed_at = pg_catalog.clock_timestamp() from rserv.sync s where s.sync_id = $1 and v.server_id = s.server_id`,
    [row?.['sync_id']],
  )
  return { syncId: row?.['sync_id'] ?? '', token: row?.['token'] ?? '' }
}

/**
 * Makes the target a slave of the source, at the position given. Inside a transaction on the target, which holds
 * replicators off.
 * @throws RservError NOT_READY for a former master that others can write
 */
export async function adopt(
  { target, targetNode, sourceNode, source }: Sides,
  { tables, copied, given }: { tables: readonly SharedTable[]; copied: ReadonlySet<SharedTable>; given: Given },
): Promise<void> {
  if (targetNode.isMaster) await refuseWritable(target, source.database)
  await target.run(
    `insert into rserv.slave_table as t (schema_name, table_name, key_columns, state, origin)
      select schema, name, array(select json_array_elements_text(keys)), state, $2
      from json_to_recordset($1) as w (schema text, name text, keys json, state text)
      on conflict (schema_name, table_name) do update set origin = excluded.origin, state = excluded.state`,
    [
      JSON.stringify(
        tables.map((table) => ({
          ...table.source.table,
          keys: table.source.keyColumns,
          state: copied.has(table) ? 'new' : 'synced',
        })),
      ),
      sourceNode.nodeId,
    ],
  )
  // No entry of the history: what the slave holds is the source's state only once the next transfer is applied.
  await target.run(
    `insert into rserv.slave_sync as s (origin, sync_id, position, token, server_name, applied_at)
      values ($1, $2, $3, $4, $5, pg_catalog.clock_timestamp())
      on conflict (origin) do update set sync_id = excluded.sync_id, position = excluded.position, token = excluded.token,
        server_name = excluded.server_name, via = null, applied_at = excluded.applied_at`,
    [sourceNode.nodeId, given.syncId, given.position, given.token, given.server],
  )
  await target.run(`update rserv.node set is_slave = true, keeps_log = keeps_log or is_master, is_master = false`)
  await target.run('delete from rserv.handover')
  // A former master need not keep its log for those that the new one feeds.
  const others = targetNode.isMaster
    ? await source.json<string[]>(
        `select coalesce(json_agg(node_id), '[]') from rserv.server where node_id is not null`,
      )
    : []
  const those = 'v.node_id = $1 or v.node_id in (select json_array_elements_text($2)::uuid)'
  const parameters = [sourceNode.nodeId, JSON.stringify(others)]
  await target.run(
    `insert into rserv.given (sync_id, position, token) select s.sync_id, s.position, s.token
      from rserv.sync s join rserv.server v using (server_id) where ${those} on conflict do nothing`,
    parameters,
  )
  await target.run(`delete from rserv.server v where ${those}`, parameters)
}

async function refuseWritable(target: Sides['target'], source: string): Promise<void> {
  const open = await findUnguarded(target)
  if (open.length === 0) return
  const names = [target.database, source].map(shellWord).join(' ')
  throw new RservError('NOT_READY', `${open.map(displayName).join(', ')} can be written in ${target.database}`, {
    side: 'slave',
    hint: `It was a master; make it a slave with: rserv rejoin ${names}`,
  })
}
