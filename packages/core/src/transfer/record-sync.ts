import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { LINEAGE, REIGNS } from './lineage.ts'
import type { TransferHeader, TransferServer } from './transfer.ts'

const NEW_SYNC = `select json_build_object('syncId', nextval('rserv.sync_id_seq')::text, 'token', gen_random_uuid(),
  'encoding', case current_setting('server_encoding') when 'SQL_ASCII' then 'SQL_ASCII' else 'UTF8' end,
  'life', rserv.life(), 'lineage', ${LINEAGE}, 'reigns', ${REIGNS},
  'given', (select coalesce(json_agg(json_build_object('syncId', s.sync_id::text, 'token', s.token) order by s.sync_id), '[]')
    from rserv.sync s join rserv.server v using (server_id)
    where v.server_id = $1 and s.sync_id >= coalesce(v.sync_id, 0)),
  'detached', (select detached_at from rserv.server where server_id = $1))`

/** What names a new position of a slave. */
export type NewSync = Pick<TransferHeader, 'syncId' | 'token' | 'encoding' | 'given' | 'life' | 'lineage' | 'reigns'>

/** @throws RservError DETACHED */
export async function newSync(session: Session, server: TransferServer): Promise<NewSync> {
  const { detached, ...sync } = await session.json<NewSync & { detached: string | null }>(NEW_SYNC, [server.id])
  if (detached !== null) throw detachedMeanwhile(server)
  return sync
}

/** The log may have been cleaned of what the slave needs since the transfer was planned. */
function detachedMeanwhile({ name }: TransferServer): RservError {
  return new RservError('DETACHED', `slave ${name} was detached from the master while a transfer was being prepared`, {
    side: 'master',
    hint: 'Run the command again: it says what to do.',
  })
}

/** Records the position and commits: with it the master is durable up to the position. */
export async function recordSync(session: Session, header: TransferHeader): Promise<void> {
  const { syncId, token, server, to, tables, script } = header
  await session.run(
    `insert into rserv.sync (sync_id, token, server_id, position, table_ids, ddl_id)
      values ($1, $2, $3, $4, $5::integer[], $6)`,
    [syncId, token, server.id, to, `{${tables.map(({ tableId }) => tableId).join(',')}}`, script?.id ?? null],
  )
  session.reach('transfer.recorded')
  await session.run('commit')
  session.reach('transfer.durable')
}
