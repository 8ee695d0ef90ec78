import type { TestDatabase } from '@rserv/test-utils'

/** What a node says of itself. */
export interface NodeState {
  readonly isMaster: boolean
  /** Of its own reign; 0: it was never promoted. */
  readonly own: number
  /** The latest that it knows of. */
  readonly generation: number
  /** node_id of whom it follows. */
  readonly follows: string | null
}

const ROW = `id || ':' || v`

export function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code
}

export function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % Math.max(1, items.length)]
}

export async function stateOf(node: TestDatabase): Promise<NodeState> {
  const [row] = await node.query<{ master: boolean; generation: number; own: number; follows: string | null }>(
    `select is_master as master, coalesce((select max(generation) from rserv.reign), 0)::int as generation,
      coalesce((select max(generation) from rserv.reign where master = node_id), 0)::int as own,
      (select origin from rserv.slave_table limit 1) as follows from rserv.node`,
  )
  return {
    isMaster: row?.master ?? false,
    generation: row?.generation ?? 0,
    own: row?.own ?? 0,
    follows: row?.follows ?? null,
  }
}

export function latest(states: readonly NodeState[]): number {
  return Math.max(...states.map(({ generation }) => generation))
}

export async function rowsOf(node: TestDatabase): Promise<string[]> {
  const rows = await node.query<{ line: string }>(`select ${ROW} as line from t order by id`)
  return rows.map(({ line }) => line)
}

/** Every time that the node has written down is moved, as if its clock had been wrong by that. */
export async function moveClock(node: TestDatabase, seconds: number): Promise<void> {
  await node.query(`do $$ declare col record; begin
    for col in select format('%I.%I', n.nspname, c.relname) as rel, quote_ident(a.attname) as name
      from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname = 'rserv' and c.relkind = 'r' and a.attnum > 0 and a.atttypid = 'timestamptz'::regtype
    loop execute format('update %s set %s = %s + make_interval(secs => ${seconds})', col.rel, col.name, col.name); end loop;
  end $$`)
}

export async function idOf(node: TestDatabase): Promise<string> {
  const [row] = await node.query<{ id: string }>('select node_id as id from rserv.node')
  return row?.id ?? ''
}
