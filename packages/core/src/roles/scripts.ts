import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'

/** A script of `ddl` that one node has run and another one has not. */
export interface MissingScript {
  readonly token: string
  /** uuid of the master that ran it first. */
  readonly origin: string
  /** Its number there, decimal text. */
  readonly id: string
  readonly checksum: string
  /** The point on that master just before it. */
  readonly position: string
}

const RUN = `select coalesce(json_agg(json_build_object('token', token, 'origin', origin, 'id', ddl_id::text, 'checksum', checksum,
    'position', position::text) order by ddl_id), '[]')
  from (select d.token, n.node_id as origin, d.ddl_id, d.checksum, d.position from rserv.ddl d, rserv.node n
    union all select token, origin, ddl_id, checksum, position from rserv.slave_ddl) s`

/** Of a node that never held a state of that master, or was filled from a later one, nothing is missing. */
const MISSING = `select coalesce(json_agg(s order by number), '[]') from json_array_elements($1) with ordinality as a (s, number)
  where not exists (select from rserv.ddl where token::text = s ->> 'token')
    and not exists (select from rserv.slave_ddl where token::text = s ->> 'token')
    and exists (select from rserv.slave_sync h where h.origin::text = s ->> 'origin' and h.position is not null
      and (h.position::text = s ->> 'position' or not rserv.includes(h.position, (s ->> 'position')::pg_snapshot)))`

/** The scripts that `has` has run and `lacks` has not, by their tokens. Inside a transaction on each. */
export async function missingScripts(has: Session, lacks: Session): Promise<MissingScript[]> {
  const run = await has.json<MissingScript[]>(RUN)
  return run.length === 0 ? [] : lacks.json<MissingScript[]>(MISSING, [JSON.stringify(run)])
}

/** "script 3" or "scripts 3, 4". */
export function scriptNames(scripts: readonly MissingScript[]): string {
  return `script${scripts.length === 1 ? '' : 's'} ${scripts.map(({ id }) => id).join(', ')}`
}

/**
 * Transfers bring rows, not what scripts of `ddl` did to tables: two nodes of which one lacks a script would differ, or the
 * transfer fail. With `anyway` the scripts count as run on both from now on. Inside a transaction on each side.
 * @throws RservError NOT_READY
 */
export async function settleScripts(source: Session, target: Session, { anyway }: { anyway: boolean }): Promise<void> {
  for (const [has, lacks] of [
    [source, target],
    [target, source],
  ] as const) {
    const missing = await missingScripts(has, lacks)
    if (missing.length === 0) continue
    if (!anyway) throw lacking(has, lacks, missing)
    await lacks.run(
      `insert into rserv.slave_ddl (origin, ddl_id, token, checksum, position, skipped)
        select origin, id, token, checksum, position, true from json_to_recordset($1)
          as w (origin uuid, id bigint, token uuid, checksum text, position pg_snapshot)`,
      [JSON.stringify(missing)],
    )
  }
}

function lacking(has: Session, lacks: Session, missing: readonly MissingScript[]): RservError {
  return new RservError(
    'NOT_READY',
    `${has.database} has run ${scriptNames(missing)} of rserv ddl, which ${lacks.database} has not`,
    {
      side: lacks.side,
      hint:
        `Nothing was transferred. Run on ${lacks.database} what it did (its text is in rserv.ddl of the master that ran it), or ` +
        `undo it on ${has.database}; then try again with --anyway, which counts it as run.`,
    },
  )
}
