import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import { contentChange, keysEscape } from '../changes/content-change.ts'
import type { TableDescription } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { logTable } from '../log/log-table.ts'
import { codeOf, RservError } from '../shared/errors.ts'
import { displayName, quoteIdent, quoteName } from '../shared/names.ts'

/**
 * Notices what changed rows without firing a trigger since the last time: partitions attached, detached or dropped
 * (case 60), columns rewritten or added with values (cases 128, 129). All slaves then get the table whole, as after a
 * TRUNCATE; new partitions get the truncate trigger that PostgreSQL does not clone (case 56), and a table that got a BEFORE
 * trigger has all its UPDATEs looked at from now on (case 64). Commit is the caller's.
 */
export async function refreshTable(session: Session, table: ReplicatedTable, now: TableDescription): Promise<void> {
  const change = contentChange(table, now)
  if (change === 'none') return
  for (const partition of now.partitions) {
    if (!table.partitionOids.includes(partition.oid)) await cloneTruncateTriggers(session, table.oid, partition)
  }
  if (keysEscape(now)) await watchEveryUpdate(session, now)
  await session.run('update rserv.replicated_table set partition_oids = $2, fingerprint = $3 where table_id = $1', [
    table.tableId,
    `{${now.partitions.map((partition) => partition.oid).join(',')}}`,
    JSON.stringify(now.fingerprint),
  ])
  if (change !== 'rows' && !(await hasUnknownKeys(session, table, now))) return
  await session.run('insert into rserv.truncate_log (xid, table_id) values (txid_current(), $1)', [table.tableId])
}

/** A key column that was renamed, and renamed back: what was written between is in the log without its key (case 81). */
async function hasUnknownKeys(session: Session, table: ReplicatedTable, now: TableDescription): Promise<boolean> {
  if (table.fingerprint?.columns === now.fingerprint.columns) return false
  for (const generation of [0, 1] as const) {
    const log = quoteName(logTable(table.tableId, generation))
    const row = await session.row(`select exists (select from ${log} l where not (l is not null)) as unknown`)
    if (row?.['unknown'] === 't') return true
  }
  return false
}

/** Milliseconds to wait for the lock on a new partition. */
const LOCK_TIMEOUT_MS = 200

interface Wanted {
  /** Begins the message. */
  readonly what: string
  /** What it needs. */
  readonly needs: string
}

function inUse({ what, needs }: Wanted, cause: unknown): RservError {
  return new RservError('LOCK_TIMEOUT', `${what}, and a transaction that is still open has written it`, {
    side: 'master',
    sqlState: '55P03',
    hint: `It needs ${needs} first. Nothing was changed: run the command again when the transaction has ended.`,
    cause,
  })
}

/**
 * Creates triggers. Whoever writes the table would wait behind a lock that waits.
 * @throws RservError LOCK_TIMEOUT
 */
async function soon(session: Session, wanted: Wanted, statements: readonly string[]): Promise<void> {
  await session.run(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
  try {
    for (const statement of statements) await session.run(statement)
  } catch (error) {
    throw codeOf(error) === '55P03' ? inUse(wanted, error) : error
  }
  await session.run('set local lock_timeout = 0')
}

/** Gives a partition the root's own truncate triggers, whatever backend made them. */
export async function cloneTruncateTriggers(
  session: Session,
  rootOid: string,
  partition: { readonly schema: string; readonly name: string },
): Promise<void> {
  // TRUNCATE is bit 5 of tgtype.
  const triggers = await session.query(
    `select t.tgname as name, pn.nspname as schema, p.proname as function
      from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace pn on pn.oid = p.pronamespace
      where t.tgrelid = $1 and t.tgtype & 32 <> 0 and pn.nspname = 'rserv'`,
    [rootOid],
  )
  const wanted = { what: `partition ${displayName(partition)} is new`, needs: 'a trigger on TRUNCATE' }
  const statements = triggers.map(
    ({ name, schema, function: fn }) =>
      `create or replace trigger ${quoteIdent(name ?? '')} after truncate on ${quoteName(partition)}
        for each statement execute function ${quoteIdent(schema ?? '')}.${quoteIdent(fn ?? '')}()`,
  )
  await soon(session, wanted, statements)
}

/** The same triggers without the columns that an UPDATE has to name, in the server's words. `CREATE TRIGGER ` is 15 long. */
const WIDER = `select t.tgname as name, t.tgenabled = 'A' as always,
    'create or replace trigger ' || substr(replace(pg_get_triggerdef(t.oid), ' OF ' || c.names || ' ON ', ' ON '), 16) as statement
  from pg_trigger t join pg_proc p on p.oid = t.tgfoid join pg_namespace n on n.oid = p.pronamespace,
    lateral (select string_agg(quote_ident(a.attname), ', ' order by k.position) as names
      from unnest(t.tgattr::int2[]) with ordinality k (number, position)
      join pg_attribute a on a.attrelid = t.tgrelid and a.attnum = k.number) c
  where t.tgrelid = $1 and n.nspname = 'rserv' and c.names is not null`

/** Makes the capture look at every UPDATE, whatever columns it names. */
async function watchEveryUpdate(session: Session, table: TableDescription): Promise<void> {
  const triggers = await session.query(WIDER, [table.oid])
  const always = triggers.filter((trigger) => trigger['always'] === 't')
  const name = displayName(table)
  const wanted = { what: `table ${name} has a new BEFORE UPDATE trigger`, needs: 'another trigger of its capture' }
  await soon(session, wanted, [
    ...triggers.map(({ statement }) => statement ?? ''),
    ...always.map(
      (trigger) => `alter table ${quoteName(table)} enable always trigger ${quoteIdent(trigger['name'] ?? '')}`,
    ),
  ])
}
