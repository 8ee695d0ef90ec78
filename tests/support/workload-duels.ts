import type { TestDatabase } from '@rserv/test-utils'
import type { Client } from 'pg'
import type { Isolation } from './workload.ts'

/** Statements of the workload in an order in which two connections meet: whose, and what. The last of `b` waits for `a`. */
interface Duel {
  readonly rows: string
  readonly a: string
  /** What b does before it waits. */
  readonly first: string
  /** What waits for a. */
  readonly second: string
  /** What a does while b waits. */
  readonly end: string
}

const DUELS: readonly Duel[] = [
  {
    // A deadlock.
    rows: 'insert into account values (1), (2) on conflict (id) do nothing',
    a: 'update account set n = n + 1 where id = 1',
    first: 'update account set n = n + 1 where id = 2',
    second: 'update account set n = n + 1 where id = 1',
    end: 'update account set n = n + 1 where id = 2',
  },
  {
    // Somebody else's update.
    rows: 'insert into account values (1), (2) on conflict (id) do nothing',
    a: 'update account set n = n + 1 where id = 1',
    first: 'update account set n = n + 1 where id = 2',
    second: 'update account set n = n + 1 where id = 1',
    end: 'commit',
  },
  {
    // A parent that goes before its child has come.
    rows: 'insert into parent values (1) on conflict (id) do nothing',
    a: 'delete from parent where id = 1',
    first: 'select n from account where id = 1 for update',
    second: 'insert into child select 1, id from parent where id = 1 on conflict (id) do nothing',
    end: 'commit',
  },
  {
    // The same new key twice.
    rows: 'delete from parent; insert into parent values (1), (2)',
    a: 'update parent set id = 5000 where id = 1',
    first: 'select n from account where id = 1 for update',
    second: 'update parent set id = 5000 where id = 2',
    end: 'commit',
  },
]

function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  return work.then(
    () => undefined,
    (error: { code: string }) => error.code,
  )
}

async function untilWaiting(client: Client, pid: number): Promise<void> {
  const sql = `select 1 from pg_locks where pid = $1 and not granted`
  while ((await client.query(sql, [pid])).rowCount === 0);
}

async function fight(
  duel: Duel,
  isolation: Isolation,
  [a, b, third]: readonly [Client, Client, Client],
): Promise<string[]> {
  await third.query(duel.rows)
  for (const client of [a, b]) await client.query(`begin isolation level ${isolation}`)
  await b.query(duel.first)
  await a.query(duel.a)
  const { rows } = await b.query<{ pid: number }>('select pg_backend_pid() as pid')
  const waiting = codeOf(b.query(duel.second))
  await untilWaiting(third, rows[0]?.pid ?? 0)
  const ended = codeOf(a.query(duel.end))
  const codes = await Promise.all([waiting, ended])
  for (const client of [a, b]) await client.query('rollback')
  return codes.filter((code) => code !== undefined)
}

/** SQLSTATEs that two connections meet, each in a way that leaves nothing to chance, with statements of the workload. */
export async function statesOfDuels(database: TestDatabase, isolation: Isolation): Promise<string[]> {
  const config = { options: '-c deadlock_timeout=20ms' }
  const clients = [await database.connect(config), await database.connect(config), await database.connect()] as const
  const states: string[] = []
  for (const duel of DUELS) states.push(...(await fight(duel, isolation, clients)))
  await Promise.all(clients.map((client) => client.end()))
  return states
}
