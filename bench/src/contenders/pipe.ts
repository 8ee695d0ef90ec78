import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Database } from '../database.ts'
import { findProgram, libpq } from '../programs.ts'

/** `psql COPY | psql COPY`, the floor of what moving rows costs; through Node where there is no psql. */
export async function pipe(from: { db: Database; copy: string }, to: { db: Database; copy: string }): Promise<void> {
  const psql = findProgram('psql')
  if (psql) await throughPsql(psql, from, to)
  else await throughNode(from, to)
}

interface End {
  readonly db: Database
  readonly copy: string
}

async function throughPsql(psql: string, from: End, to: End): Promise<void> {
  const args = ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c']
  const env = (end: End): NodeJS.ProcessEnv => ({ ...process.env, ...libpq(end.db) })
  const shell = spawn('/bin/sh', ['-c', `"$PSQL" ${args.join(' ')} "$OUT" | env $TO "$PSQL" ${args.join(' ')} "$IN"`], {
    env: {
      ...env(from),
      PSQL: psql,
      OUT: from.copy,
      IN: to.copy,
      TO: Object.entries(libpq(to.db))
        .map(([name, value]) => `${name}=${value}`)
        .join(' '),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const code = await new Promise((resolve, reject) => shell.once('error', reject).once('close', resolve))
  if (code !== 0) throw new Error(`psql ended with ${String(code)}`)
}

async function throughNode(from: End, to: End): Promise<void> {
  const clients = [new pg.Client(from.db.config), new pg.Client(to.db.config)] as const
  try {
    await Promise.all(clients.map((client) => client.connect()))
    const data = clients[0].query(copyTo(from.copy)) as unknown as Readable
    await pipeline(data, clients[1].query(copyFrom(to.copy)) as unknown as NodeJS.WritableStream)
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}
