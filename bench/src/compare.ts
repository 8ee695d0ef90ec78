import type { Database } from './database.ts'

/** One line for all rows of a table: their number and an order-free sum of hashes of their text. */
async function fingerprint(database: Database, table: string): Promise<string> {
  return database.value(
    `select count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) from ${table} t`,
  )
}

/** @throws Error when a table differs: the figure does not count then */
export async function expectEqual(master: Database, slave: Database, tables: readonly string[]): Promise<void> {
  for (const table of tables) {
    const [left, right] = await Promise.all([fingerprint(master, table), fingerprint(slave, table)])
    if (left !== right) throw new Error(`${table} differs: ${left} on the master, ${right} on the slave`)
  }
}
