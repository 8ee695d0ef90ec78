import type { ClientConfig } from 'pg'
import type { Finding } from '../check/finding.ts'
import type { Session } from '../database/session.ts'
import { openSession } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { missingForTakeover } from '../operations/check-slave.ts'
import { RservError } from '../shared/errors.ts'
import type { CommonOptions } from '../shared/events.ts'
import { displayName } from '../shared/names.ts'
import { shellWord } from '../shared/resync-command.ts'
import { requireAnyRole } from './node-roles.ts'
import { missingScripts, scriptNames } from './scripts.ts'

/** Something that stands against a change of roles, or may hold it up. */
export interface Obstacle {
  readonly what: string
  readonly fix: string
}

/** Of both databases, before anything is stopped. */
export async function findObstacles(master: Session, slave: Session): Promise<Obstacle[]> {
  const missing = await inTransaction(master, () =>
    inTransaction(slave, async () => [
      ...(await missingForTakeover(master, slave)).map(obstacleOf),
      ...(await keepsNone(slave)),
    ]),
  )
  const onMaster = await inTransaction(master, async () => [
    ...(await notOwned(master)),
    ...(await openWriters(master)),
  ])
  return [...missing, ...onMaster]
}

function obstacleOf({ database, table, text, fix }: Finding): Obstacle {
  return { what: `${database}${table ? `, ${displayName(table)}` : ''}: ${text}`, fix }
}

async function keepsNone(slave: Session): Promise<Obstacle[]> {
  const row = await slave.row('select keeps_log from rserv.node')
  if (row?.['keeps_log'] === 't') return []
  const what = `${slave.database} keeps no log of what it applies`
  return [{ what, fix: `rserv slave-add-table ${slave.database} --all --keep-log` }]
}

/** Of the slaves that are to follow the new master: they must be there, and have run what the master has. */
export async function othersObstacles(
  master: Session,
  others: readonly ClientConfig[],
  options: CommonOptions,
): Promise<Obstacle[]> {
  const found: Obstacle[] = []
  for (const other of others) {
    try {
      await using session = await openSession(other, 'slave', options)
      const missing = await inTransaction(master, () =>
        inTransaction(session, async () => {
          await requireAnyRole(session)
          return missingScripts(master, session)
        }),
      )
      if (missing.length === 0) continue
      const names = [master, session].map(({ database }) => shellWord(database)).join(' ')
      const what = `${session.database} waits for ${scriptNames(missing)} of rserv ddl`
      found.push({ what, fix: `Bring it up first: rserv replicate ${names}` })
    } catch (error) {
      if (!(error instanceof RservError)) throw error
      found.push({ what: error.message, fix: error.hint ?? 'Leave it out.' })
    }
  }
  return found
}

/** The triggers of a table are its owner's to change. */
async function notOwned(session: Session): Promise<Obstacle[]> {
  const tables = await session.query(
    `select c.oid::regclass::text as name from rserv.replicated_table r join pg_class c on c.oid = r.table_oid
      where not pg_has_role(c.relowner, 'usage') order by 1`,
  )
  return tables.map(({ name }) => ({
    what: `${session.database}, ${name}: the role does not own it, so it cannot refuse writes`,
    fix: 'Connect as the owner of the tables.',
  }))
}

/** Seconds from which on a transaction that has written a captured table is told before it can hold the locks up. */
const LONG_SECONDS = 5

const WRITERS = `select 'process ' || a.pid || ' (' || a.usename || ', ' || a.state || ')' as who,
    'select pg_terminate_backend(' || a.pid || ');' as fix
  from pg_stat_activity a where a.xact_start < clock_timestamp() - make_interval(secs => ${LONG_SECONDS})
    and a.pid <> pg_backend_pid() and exists (select from pg_locks l join rserv.replicated_table r on r.table_oid = l.relation
      where l.pid = a.pid and l.granted and l.mode not in ('AccessShareLock', 'RowShareLock')
        and l.database = (select oid from pg_database where datname = current_database()))
  union all
  select 'prepared transaction ' || gid, 'ROLLBACK PREPARED ' || quote_literal(gid) || '; or COMMIT PREPARED'
  from pg_prepared_xacts where database = current_database()`

async function openWriters(session: Session): Promise<Obstacle[]> {
  const rows = await session.query(WRITERS)
  return rows.map(({ who, fix }) => ({
    what: `${session.database}: ${who} has been open for long: writes could not be stopped`,
    fix: fix ?? '',
  }))
}

/** @throws RservError NOT_READY where there is any */
export function refuseObstacles(obstacles: readonly Obstacle[], what: string): void {
  if (obstacles.length === 0) return
  throw new RservError('NOT_READY', `${what} is not possible: ${obstacles.map((one) => one.what).join('; ')}`, {
    hint: `Nothing was changed. ${obstacles.map((one) => one.fix).join(' ')} To go on nevertheless: --anyway`,
  })
}
