import type { Session } from '../database/session.ts'
import type { QualifiedName } from '../shared/names.ts'
import { quoteLiteral } from '../shared/names.ts'
import type { Position } from '../shared/position.ts'

/**
 * What a script did to the rows of a captured table besides DML, which triggers see:
 * - `same`: nothing, or the same on every side;
 * - `filled`: columns were added whose value in older rows is one that the catalog holds;
 * - `whole`: anything else: a slave copies the table.
 */
type RowsEffect = 'same' | 'filled' | 'whole'

/** What a script did to a captured table. */
export interface TableEffect {
  readonly before: QualifiedName
  /** Null: it was dropped. */
  readonly after: QualifiedName | null
  /** Afterwards. */
  readonly keyColumns: readonly string[]
  readonly rows: RowsEffect
  /** For `filled`: by column, the value as the text of an array. */
  readonly filled: Readonly<Record<string, string>>
}

/** A script as slaves get it. */
export interface Script {
  /** Decimal text; later scripts have greater ones. */
  readonly id: string
  /** uuid of this run on the master: after a restore ids come again, tokens never. */
  readonly token: string
  readonly text: string
  /** SHA-256, hexadecimal. */
  readonly checksum: string
  /** The master's search_path for it. */
  readonly searchPath: string
  readonly effects: readonly TableEffect[]
  /** Not to be run, only noted: its changes are there already. */
  readonly skip: boolean
}

/** A captured table at the point of a script. */
export interface TableThen {
  readonly tableId: number
  readonly table: QualifiedName
  readonly keyColumns: readonly string[]
  /** `unchanged`: no row was kept, because no slave needs any; `copy`: all of them; `changes`: the changed keys. */
  readonly mode: 'unchanged' | 'changes' | 'copy'
  /** What was kept, as travelling columns c1, c2, … */
  readonly columns: readonly { readonly name: string; readonly type: string }[]
}

/** A script with what the master needs to bring a slave to its point. */
export interface PendingScript extends Omit<Script, 'skip'> {
  readonly position: Position
  readonly keptSince: Position | null
  readonly tables: readonly TableThen[]
}

/** Where a slave is with respect to scripts. */
export interface ScriptState {
  /** Null: it holds nothing, and needs none. */
  readonly position: Position | null
  /** Id of the last script that it is known to have run, decimal text; "0": none. As the master knows it. */
  readonly lastScript: string
  /** Tokens of the scripts that it says to have run, the last ones. */
  readonly ran?: readonly string[] | undefined
}

/** SQL of the condition on rserv.ddl that names the scripts which a slave waits for. */
export function waitingFor({ position, lastScript, ran = [] }: ScriptState): string {
  if (position === null) return 'false'
  return `(not pg_catalog.pg_visible_in_snapshot(xid, ${quoteLiteral(position)}::pg_catalog.pg_snapshot)
    and ddl_id > ${BigInt(lastScript)} and token <> all (${quoteLiteral(`{${ran.join(',')}}`)}::uuid[]))`
}

/** The next script that a slave has to run before any transfer goes on, or null. Inside a transaction. */
export function nextScript(session: Session, state: ScriptState): Promise<PendingScript | null> {
  return session.json<PendingScript | null>(
    `select json_build_object('id', ddl_id::text, 'token', token, 'text', script, 'checksum', checksum, 'searchPath', search_path,
        'effects', effects, 'position', position::text, 'keptSince', kept_since::text, 'tables', tables)
      from rserv.ddl where ${waitingFor(state)} order by ddl_id limit 1`,
  )
}

/** Ids of all scripts that a slave waits for, in their order. Inside a transaction. */
export async function waitingScripts(session: Session, state: ScriptState): Promise<string[]> {
  const rows = await session.query(`select ddl_id from rserv.ddl where ${waitingFor(state)} order by ddl_id`)
  return rows.map((row) => row['ddl_id'] ?? '')
}
