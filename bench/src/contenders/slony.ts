import { readdirSync } from 'node:fs'
import type { Database } from '../database.ts'
import { findProgram, runProgram } from '../programs.ts'
import type { Contender, PeerContender } from './contender.ts'
import { MARKER } from './contender.ts'
import type { Daemon } from './daemon.ts'
import { passMarker, startDaemon, together, until, whileRunning } from './daemon.ts'

const [SLONIK, SLON] = ['slonik', 'slon']

/** Looks for changes ten times a second, and takes as many events at once as there are. */
const TUNED = ['-s', '100', '-t', '500', '-g', '1000', '-o', '0']

function preamble(master: Database, slave?: Database): string {
  return `cluster name = bench;
    node 1 admin conninfo = '${master.conninfo}';
    ${slave ? `node 2 admin conninfo = '${slave.conninfo}';` : ''}\n`
}

async function slonik(script: string): Promise<void> {
  await runProgram('/bin/sh', ['-c', `printf '%s' "$SCRIPT" | ${SLONIK}`], { SCRIPT: script })
}

function start(master: Database, slave: Database): Daemon {
  return together([master, slave].map(({ conninfo }) => startDaemon(SLON, [...TUNED, 'bench', conninfo])))
}

async function connect(master: Database, slave: Database, options: string): Promise<void> {
  await slonik(`${preamble(master, slave)}
    store node (id = 2, comment = 'slave', event node = 1);
    store path (server = 1, client = 2, conninfo = '${master.conninfo}');
    store path (server = 2, client = 1, conninfo = '${slave.conninfo}');`)
  await whileRunning(start(master, slave), async () => {
    await slonik(`${preamble(master, slave)}
      subscribe set (id = 1, provider = 1, receiver = 2, forward = no${options});
      wait for event (origin = 1, confirmed = 2, wait on = 1, timeout = 600);`)
    // What is committed before this row is there counts as copied.
    await until(async () => (await slave.value(`select count(*) from _bench.sl_setsync`)) === '1')
    await passMarker(master, slave)
  })
}

const contender: Contender & { name: 'slony' } = {
  name: 'slony',
  async capture(master, tables) {
    const add = [MARKER, ...tables].map(
      (table, index) =>
        `set add table (set id = 1, origin = 1, id = ${index + 1}, fully qualified name = 'public.${table}');`,
    )
    await slonik(`${preamble(master)} init cluster (id = 1, comment = 'master');
      create set (id = 1, origin = 1, comment = 'all'); ${add.join('\n')}`)
  },
  join: (master, slave) => connect(master, slave, ', omit copy = true'),
  copy: (master, slave) => connect(master, slave, ''),
  catchUp: (master, slave) => whileRunning(start(master, slave), () => passMarker(master, slave)),
  follow: async (master, slave) => start(master, slave),
  leave: (master) => master.run('drop schema if exists _bench cascade'),
}

/** Slony-I 2, with the options that its manual gives for speed. */
export const slony: PeerContender = {
  ...contender,
  async available(database) {
    if (!findProgram(SLONIK) || !findProgram(SLON)) return false
    const folder = await database.value(`select setting from pg_config where name = 'PKGLIBDIR'`)
    return readdirSync(folder).some((file) => file.startsWith('slony1_funcs'))
  },
}
