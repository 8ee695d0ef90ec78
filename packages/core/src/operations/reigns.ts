import type { Session } from '../database/session.ts'
import { inTransaction } from '../database/transaction.ts'
import { installedVersion, latestVersion } from '../database/migrate.ts'
import { RservError } from '../shared/errors.ts'
import { shellWord } from '../shared/resync-command.ts'
import type { Reign } from '../transfer/lineage.ts'
import { REIGNS } from '../transfer/lineage.ts'

/** What the node knows of masters; nothing where it is not set up, or for another version. Inside a transaction. */
export async function listReigns(session: Session): Promise<Reign[]> {
  return (await installedVersion(session)) === latestVersion() ? session.json<Reign[]>(`select ${REIGNS}`) : []
}

/** Two nodes, by name, and what is known of masters on the side that feeds and on the side that is fed. */
export interface Feeding {
  readonly feeding: { readonly database: string; readonly reigns: readonly Reign[] }
  readonly fed: { readonly database: string; readonly reigns: readonly Reign[] }
}

/**
 * Nobody is fed by a node that knows less of promotions than it does itself.
 * @throws RservError OLD_GENERATION
 */
export function refuseOlder({ feeding, fed }: Feeding): void {
  for (const known of fed.reigns) {
    const own = feeding.reigns.find(({ cluster }) => cluster === known.cluster)
    if (!own || own.generation > known.generation) continue
    if (own.generation === known.generation && own.master === known.master) continue
    const older = own.generation < known.generation
    throw new RservError(
      'OLD_GENERATION',
      older
        ? `${feeding.database} is of generation ${own.generation}, ${fed.database} knows of a master of generation ${known.generation}`
        : `${feeding.database} and ${fed.database} follow two masters of the same generation ${own.generation}`,
      {
        side: 'master',
        hint: older ? replaced(feeding.database) : tied(fed.database),
      },
    )
  }
}

function replaced(database: string): string {
  return `The master was replaced by a promotion: feed from the new one, and bring the old one back as its slave: rserv rejoin ${shellWord(database)} NEW_MASTER.`
}

function tied(fed: string): string {
  return (
    `Two slaves were promoted that did not know of each other. The one that is to go on takes the next generation: ` +
    `rserv promote THAT_ONE --other-slave ${shellWord(fed)}; the other one comes back with rserv rejoin.`
  )
}

/** Lets a node know of later promotions. Inside a transaction. */
export async function learnReigns(session: Session, reigns: readonly Reign[]): Promise<void> {
  await session.run(
    `with w as (select * from json_to_recordset($1) as w (cluster uuid, generation bigint, master uuid)),
      former as (insert into rserv.former_master (cluster, master)
        select r.cluster, r.master from rserv.reign r join w using (cluster) where r.generation < w.generation
        on conflict do nothing)
      insert into rserv.reign as r (cluster, generation, master)
      select cluster, generation, master from w
      on conflict (cluster) do update set generation = excluded.generation, master = excluded.master,
        since = pg_catalog.clock_timestamp() where r.generation < excluded.generation`,
    [JSON.stringify(reigns)],
  )
}

/** The same with the name. Inside a transaction. */
export async function reignsOf(session: Session): Promise<Feeding['fed']> {
  return { database: session.database, reigns: await listReigns(session) }
}

/**
 * The promotions that a target does not know of yet.
 * @throws RservError OLD_GENERATION where it knows of one that the source does not
 */
export function laterReigns(feeding: Feeding['feeding'], fed: Feeding['fed']): Reign[] {
  refuseOlder({ feeding, fed })
  const isKnown = ({ cluster, generation }: Reign): boolean =>
    fed.reigns.some((other) => other.cluster === cluster && other.generation >= generation)
  return feeding.reigns.filter((reign) => !isKnown(reign))
}

/**
 * The same, asking both. Outside of transactions.
 * @throws RservError OLD_GENERATION
 */
export async function compareReigns(source: Session, target: Session): Promise<Reign[]> {
  const own = await inTransaction(source, () => reignsOf(source))
  return laterReigns(own, await inTransaction(target, () => reignsOf(target)))
}
