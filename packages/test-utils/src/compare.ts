import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Client } from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import type { TestDatabase } from './databases.ts'

const SETTINGS = `set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set intervalstyle = 'postgres';
  set extra_float_digits = 3; set bytea_output = 'hex'; set lc_monetary = 'C'; set statement_timeout = 0`

/**
 * All rows of a table (or query) as the server writes them in COPY text format, sorted as bytes: values never become
 * JavaScript values on the way.
 * @param table SQL text of a table name, or a parenthesised query
 */
export async function tableText(
  database: Pick<TestDatabase, 'connect'>,
  table: string,
  columns = '*',
): Promise<string[]> {
  const client = await database.connect()
  try {
    await client.query(SETTINGS)
    return await copyLines(client, `copy (select ${columns} from ${table} as t) to stdout`)
  } finally {
    await client.end()
  }
}

async function copyLines(client: Client, sql: string): Promise<string[]> {
  const chunks: Buffer[] = []
  const collect = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk)
      done()
    },
  })
  await pipeline(client.query(copyTo(sql)), collect)
  const lines = Buffer.concat(chunks).toString('latin1').split('\n')
  lines.pop()
  return lines.toSorted()
}

export interface Difference {
  readonly onlyOnMaster: string[]
  readonly onlyOnSlave: string[]
}

/** Lines that only one side has, each as often as it is missing. */
export async function compareTable(
  master: Pick<TestDatabase, 'connect'>,
  slave: Pick<TestDatabase, 'connect'>,
  table: string,
  columns = '*',
): Promise<Difference> {
  const [left, right] = await Promise.all([tableText(master, table, columns), tableText(slave, table, columns)])
  return { onlyOnMaster: minus(left, right), onlyOnSlave: minus(right, left) }
}

function minus(from: readonly string[], other: readonly string[]): string[] {
  const counts = new Map<string, number>()
  for (const line of other) counts.set(line, (counts.get(line) ?? 0) + 1)
  return from.filter((line) => {
    const count = counts.get(line) ?? 0
    counts.set(line, count - 1)
    return count <= 0
  })
}
