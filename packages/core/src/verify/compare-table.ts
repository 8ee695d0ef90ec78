import { keysMatch } from '../apply/stage.ts'
import type { Session } from '../database/session.ts'
import { quoteIdent } from '../shared/names.ts'
import type { ComparedTable, SideRows } from './compared-table.ts'
import { masterRows, pendingKeys, slaveRows, stagedKey, temporary } from './compared-table.ts'
import { bitsOf, bucketOf, rowHash } from './fingerprint.ts'
import { pipeCopy } from './pipe-copy.ts'

export interface Comparison {
  /** Rows of the master that were compared. */
  readonly rows: number
  /** Keys changed since the slave's position, which were not. */
  readonly pending: number
  /** Is there a temporary table of differing keys? */
  readonly differs: boolean
}

interface Bucket {
  readonly rows: number
  readonly sums: string
}

/**
 * Compares a table in the transactions that both sessions have open. First each server sums the hashes of its rows by
 * bucket; only for buckets that differ the master sends keys and hashes, which the slave joins with its own. Nothing
 * but the sums comes to this process. Differing keys are left in the slave's temporary table `found`.
 */
export async function compareTable(master: Session, slave: Session, compared: ComparedTable): Promise<Comparison> {
  const match = keysMatch(compared.target)
  const pending = compared.pending ? await stagePending(master, slave, compared) : 0
  const there = masterRows(compared)
  const here = slaveRows(compared, match)
  const [left, right] = await both(sumBuckets(master, there, compared), sumBuckets(slave, here, compared))
  const rows = [...left.values()].reduce((sum, bucket) => sum + bucket.rows, 0)
  const different = differing(left, right)
  if (different.length === 0) return { rows, pending, differs: false }
  await stageHashes(master, slave, compared, { there, here, different })
  await findDifferences(slave, compared, match)
  return { rows, pending, differs: true }
}

/** Waits for both, so that neither connection is in the middle of a statement when the first error is thrown. */
async function both<T>(first: Promise<T>, second: Promise<T>): Promise<[T, T]> {
  await Promise.allSettled([first, second])
  return Promise.all([first, second])
}

async function stagePending(master: Session, slave: Session, compared: ComparedTable): Promise<number> {
  const name = temporary(compared, 'pending')
  const key = stagedKey(compared)
  await slave.run(
    `create temporary table ${name} (${key.map(({ definition }) => definition).join(', ')}) on commit drop`,
  )
  const into = `${name} (${key.map(({ staged }) => staged).join(', ')})`
  const rows = await pipeCopy({ session: master, query: pendingKeys(compared) }, { session: slave, into })
  await slave.run(`analyze ${name}`)
  return rows
}

async function sumBuckets(
  session: Session,
  rows: SideRows,
  { encoding, buckets }: ComparedTable,
): Promise<Map<string, Bucket>> {
  // OFFSET 0 keeps the hash from being computed once for each of its halves.
  const sums = await session.query(
    `select bucket, count(*) as rows, sum(${bitsOf('hash', 1)}) || ' ' || sum(${bitsOf('hash', 9)}) as sums
      from (select ${bucketOf(rows.key, encoding, buckets)} as bucket, ${rowHash(rows.columns, encoding)} as hash
        from ${rows.from} where ${rows.where} offset 0) as hashed
      group by bucket`,
  )
  return new Map(sums.map((row) => [row['bucket'] ?? '', { rows: Number(row['rows']), sums: row['sums'] ?? '' }]))
}

function differing(left: ReadonlyMap<string, Bucket>, right: ReadonlyMap<string, Bucket>): string[] {
  const all = new Set([...left.keys(), ...right.keys()])
  return [...all].filter((bucket) => {
    const [a, b] = [left.get(bucket), right.get(bucket)]
    return a?.rows !== b?.rows || a?.sums !== b?.sums
  })
}

interface Found {
  readonly there: SideRows
  readonly here: SideRows
  readonly different: readonly string[]
}

/** Keys and hashes of both sides, in the slave's temporary tables. */
async function stageHashes(
  master: Session,
  slave: Session,
  compared: ComparedTable,
  { there, here, different }: Found,
): Promise<void> {
  const { encoding, buckets } = compared
  const wanted = ({ key, where }: SideRows): string =>
    different.length === buckets
      ? where
      : `${bucketOf(key, encoding, buckets)} = any ('{${different.join(',')}}'::pg_catalog.int4[]) and ${where}`
  const key = stagedKey(compared)
  const names = key.map(({ name }) => `t.${quoteIdent(name)}`).join(', ')
  const target = temporary(compared, 'there')
  await slave.run(
    `create temporary table ${target} (${key.map(({ definition }) => definition).join(', ')}, hash bytea) on commit drop`,
  )
  const query = `select ${names}, ${rowHash(there.columns, encoding)} from ${there.from} where ${wanted(there)}`
  const into = `${target} (${key.map(({ staged }) => staged).join(', ')}, hash)`
  await pipeCopy({ session: master, query }, { session: slave, into })
  await slave.run(
    `create temporary table ${temporary(compared, 'here')} on commit drop as
      select ${names}, ${rowHash(here.columns, encoding)} as rserv_hash from ${here.from} where ${wanted(here)}`,
  )
  await slave.run(`analyze ${target}, ${temporary(compared, 'here')}`)
}

/** The master's keys, but those that only the slave has. Keys are the same where the slave's key index says so. */
async function findDifferences(slave: Session, compared: ComparedTable, match: string): Promise<void> {
  const key = stagedKey(compared)
  const masters = key.map(({ staged }) => `s.${staged}`).join(', ')
  const slaves = key.map(({ name, staged }) => `t.${quoteIdent(name)} as ${staged}`).join(', ')
  const [there, here] = [temporary(compared, 'there'), temporary(compared, 'here')]
  await slave.run(
    `create temporary table ${temporary(compared, 'found')} on commit drop as
      select 'missing'::text as kind, ${masters} from ${there} s where not exists (select from ${here} t where ${match})
      union all
      select 'extra', ${slaves} from ${here} t where not exists (select from ${there} s where ${match})
      union all
      select 'different', ${masters} from ${there} s join ${here} t on ${match} where s.hash <> t.rserv_hash`,
  )
}
