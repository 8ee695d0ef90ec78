import { setTimeout as sleep } from 'node:timers/promises'
import { cli } from './rserv.mjs'
import { COMPARED, on } from './world.mjs'

const PATIENCE_MS = 180_000

/** Waits until every slave has what the master has, and compares: here by digests, and by `rserv verify`. */
export async function settle({ master, slaves }, rserv, say) {
  const started = Date.now()
  let wanted
  let different
  do {
    await sleep(1000)
    wanted = await digests(master)
    different = []
    for (const slave of slaves) {
      const found = await digests(slave)
      const tables = COMPARED.filter((table) => found[table] !== wanted[table])
      different.push(...tables.map((table) => `${slave.name}: ${table}`))
    }
  } while (different.length > 0 && Date.now() - started < PATIENCE_MS)
  for (const one of different) say(`different: ${one}`)
  const verified = {}
  for (const { name, uri } of slaves) verified[name] = verify(master.uri, uri)
  await rserv.stop('SIGTERM')
  const equal = different.length === 0 && Object.values(verified).every((one) => one === 'equal')
  return {
    equal,
    settledInSeconds: (Date.now() - started) / 1000,
    verified,
    rows: rowsOf(wanted),
    rservEvents: rserv.events,
  }
}

async function digests(node) {
  return on(node, async (client) => {
    const found = {}
    for (const table of COMPARED) {
      const sql = `select count(*) || ' ' || coalesce(bit_xor(hashtextextended(t::text, 0)), 0) as digest from ${table} t`
      const { rows } = await client.query(sql)
      found[table] = rows[0].digest
    }
    return found
  })
}

function rowsOf(wanted) {
  return Object.fromEntries(Object.entries(wanted).map(([table, digest]) => [table, Number(digest.split(' ')[0])]))
}

function verify(master, slave) {
  try {
    cli('verify', master, slave)
    return 'equal'
  } catch (error) {
    return error.message
  }
}
