import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import type { Position } from '../shared/position.ts'

/** A copy of one table as the master recorded it; its log is kept from the position on until the copy is joined. */
export interface HeldCopy {
  readonly tableId: number
  /** Decimal text. */
  readonly syncId: string
  /** uuid; no other copy of any master has it. */
  readonly token: string
  readonly position: Position
}

const COPY = `json_build_object('tableId', table_id, 'syncId', sync_id::text, 'token', token, 'position', position::text)`

/**
 * Keeps the log of a table for a slave that is about to copy it, in place of a former copy. To be committed before the
 * copy's snapshot is taken: then the log is whole from that snapshot on, whatever is cleaned meanwhile.
 */
export async function holdCopy(session: Session, serverId: number, tableId: number): Promise<HeldCopy> {
  return session.json<HeldCopy>(
    `insert into rserv.copy (server_id, table_id, sync_id, position)
        values ($1, $2, nextval('rserv.sync_id_seq'), pg_catalog.pg_current_snapshot())
      on conflict (server_id, table_id) do update set sync_id = excluded.sync_id, token = excluded.token,
        position = excluded.position, started_at = excluded.started_at
      returning ${COPY}`,
    [serverId, tableId],
  )
}

/**
 * Records where the table was read, in the transaction that reads it.
 * @throws RservError ALTERED where the slave or the table was forgotten, or somebody else copies it
 */
export async function recordCopy(session: Session, { token }: HeldCopy, position: Position): Promise<void> {
  const updated = await session.run('update rserv.copy set position = $2 where token = $1', [token, position])
  if (updated === 1) return
  throw new RservError('ALTERED', 'the master forgot the copy while it was being made', {
    side: session.side,
    hint: 'Run the command again.',
  })
}

/** The copies of a slave, by table id. */
export async function listCopies(session: Session, serverId: number): Promise<ReadonlyMap<number, HeldCopy>> {
  const copies = await session.json<HeldCopy[]>(
    `select coalesce(json_agg(${COPY}), '[]') from rserv.copy where server_id = $1`,
    [serverId],
  )
  return new Map(copies.map((copy) => [copy.tableId, copy]))
}

/** What copies of a table, of any slave but detached ones, keep of its log. To be read after the slaves' positions. */
export async function heldPositions(session: Session, tableId: number): Promise<Position[]> {
  const rows = await session.query(
    `select c.position::text as position from rserv.copy c join rserv.server s using (server_id)
      where c.table_id = $1 and s.detached_at is null`,
    [tableId],
  )
  return rows.map((row) => row['position'] ?? '')
}

/** Lets the log of tables go that a confirmed transfer has brought to the slave's position. */
export async function releaseJoined(session: Session, syncId: string): Promise<void> {
  await session.run(
    `delete from rserv.copy c using rserv.sync s where s.sync_id = $1 and c.server_id = s.server_id
      and c.table_id = any (s.table_ids) and c.sync_id < s.sync_id`,
    [syncId],
  )
}

/** Lets the log of all other tables go: nobody will join their copies any more. */
export async function releaseOthers(session: Session, serverId: number, tableIds: readonly number[]): Promise<void> {
  await session.run('delete from rserv.copy where server_id = $1 and table_id <> all ($2::integer[])', [
    serverId,
    `{${tableIds.join(',')}}`,
  ])
}
