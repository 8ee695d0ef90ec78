import type { TestDatabase } from '@rserv/test-utils'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'

const CONNECTIONS = 4
const KEYS = 6

/** Tables of the application; every connection has a `scratch` of its own, and all share `pad_1` and `pad_2`. */
export const TABLES = [
  'account',
  'parent',
  'child',
  'pad_1',
  'pad_2',
  ...Array.from({ length: CONNECTIONS }, (_, index) => `scratch_${index}`),
]

export const WORKLOAD_DDL = `create table account (id int primary key, n int not null default 0);
  create table parent (id int primary key, n int not null default 0);
  create table child (id int primary key, p int not null references parent on delete cascade on update cascade);
  ${TABLES.slice(3)
    .map((name) => `create table ${name} (id int primary key, v text)`)
    .join(';\n')}`

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'
export const ISOLATIONS: readonly Isolation[] = ['read committed', 'repeatable read', 'serializable']

export interface Workload {
  readonly seed: number
  /** Transactions of each connection. */
  readonly transactions: number
  readonly isolation: Isolation
  /** `own`: no two connections touch the same rows, or truncate the same table. */
  readonly keys: 'own' | 'shared'
}

/** What the application met. */
export interface Met {
  /** SQLSTATE → how often. */
  readonly states: Map<string, number>
  /** Waits for locks as they were seen, `schema.relation locktype` → in how many looks. */
  readonly waits: Map<string, number>
  looks: number
}

/** mulberry32: numbers from 0 to `below` - 1. */
function numbers(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

interface Actor {
  /** Its number. */
  readonly index: number
  readonly random: (below: number) => number
  /** A key that it may use. */
  key(): number
  /** The table that it may truncate. */
  pad(): string
}

const ACTIONS: readonly ((actor: Actor) => string)[] = [
  (a) => `insert into account values (${a.key()}, 1) on conflict (id) do update set n = account.n + 1`,
  (a) => `insert into account values (${a.key()}, 1), (${a.key() + 100_000}, 1) on conflict (id) do nothing`,
  (a) => `update account set n = n + 1 where id = ${a.key()}`,
  (a) => `update account set n = n + 1 where id in (${a.key()}, ${a.key()}, ${a.key()})`,
  (a) => `delete from account where id = ${a.key()}`,
  (a) => `insert into parent values (${a.key()}) on conflict (id) do update set n = parent.n + 1`,
  (a) => {
    const key = a.key()
    return `insert into child select ${key}, id from parent where id = ${key} on conflict (id) do nothing`
  },
  (a) => `delete from parent where id = ${a.key()}`,
  // Its children follow; the new key is nobody else's.
  (a) => `update parent set id = id + 1000 * ${1 + a.random(1000)} where id = ${a.key()}`,
  (a) => `insert into ${a.pad()} values (${a.key()}, 'x') on conflict (id) do update set v = excluded.v || 'y'`,
  (a) => `truncate ${a.pad()}`,
  (a) => `select pg_advisory_xact_lock(${a.pad() === `scratch_${a.index}` ? 100 + a.index : a.random(3)})`,
  (a) => `select n from account where id = ${a.key()} for update`,
  (a) =>
    `savepoint s; update account set n = -1 where id = ${a.key()}; rollback to s; update account set n = n + 2 where id = ${a.key()}`,
  (a) => `do $$ begin insert into parent values (${a.key()}); exception when unique_violation then null; end $$`,
]

function actor(index: number, { seed, keys }: Workload): Actor {
  const random = numbers(seed * 1000 + index)
  const mine = keys === 'own'
  return {
    index,
    random,
    key: () => (mine ? 10 + index * KEYS : 1) + random(KEYS),
    pad: () => (mine ? `scratch_${index}` : `pad_${1 + random(2)}`),
  }
}

function count(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1)
}

async function act(client: Client, someone: Actor, { isolation, transactions }: Workload, met: Met): Promise<void> {
  for (let done = 0; done < transactions; done++) {
    const actions = Array.from({ length: 1 + someone.random(4) }, () => {
      const action = ACTIONS[someone.random(ACTIONS.length)]
      return action?.(someone) ?? ''
    })
    try {
      await client.query(`begin isolation level ${isolation}`)
      for (const action of actions) await client.query(action)
      await client.query('commit')
    } catch (error) {
      count(met.states, (error as { code: string }).code)
      await client.query('rollback')
    }
  }
}

const APPLICATION = 'workload'

const WAITING = `select coalesce(n.nspname || '.' || c.relname, 'none') || ' ' || l.locktype as what
  from pg_locks l join pg_stat_activity a using (pid)
    left join pg_class c on c.oid = l.relation left join pg_namespace n on n.oid = c.relnamespace
  where not l.granted and a.application_name = '${APPLICATION}' and a.datname = current_database()
  union all select 'event ' || wait_event from pg_stat_activity
    where wait_event_type = 'Lock' and application_name = '${APPLICATION}' and datname = current_database()`

async function watch(client: Client, met: Met, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const { rows } = await client.query<{ what: string }>(WAITING)
    met.looks++
    for (const { what } of rows) count(met.waits, what)
    await sleep(2)
  }
}

/** The application at work on several connections; what it met. The same seed asks for the same transactions. */
export async function runWorkload(database: TestDatabase, workload: Workload): Promise<Met> {
  const met: Met = { states: new Map(), waits: new Map(), looks: 0 }
  // Deadlocks are the application's own: they should cost it little.
  const config = { application_name: APPLICATION, options: '-c deadlock_timeout=20ms' }
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => database.connect(config)))
  const over = new AbortController()
  const watching = watch(await database.connect(), met, over.signal)
  await Promise.all(clients.map((client, index) => act(client, actor(index, workload), workload, met)))
  over.abort()
  await watching
  await Promise.all(clients.map((client) => client.end()))
  return met
}

/** Waits for locks of rserv's relations. A relation is extended in a moment, as any other is. */
export function rservWaits({ waits }: Met): string[] {
  return [...waits.keys()].filter((what) => what.startsWith('rserv.') && !what.endsWith(' extend'))
}
