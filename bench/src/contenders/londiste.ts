import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../database.ts'
import { findProgram, runProgram } from '../programs.ts'
import type { Contender, PeerContender } from './contender.ts'
import { MARKER } from './contender.ts'
import type { Daemon } from './daemon.ts'
import { Folders, passMarker, startDaemon, together, until, whileRunning } from './daemon.ts'

const folders = new Folders()

type Node = 'root' | 'leaf'

function ini(master: Database, node: Node): string {
  return join(folders.of(master), `${node}.ini`)
}

function configure(master: Database, node: Node, { conninfo }: Database): void {
  const folder = folders.of(master)
  writeFileSync(
    ini(master, node),
    `[londiste]\njob_name = ${node}_${master.name}\ndb = ${conninfo}\nqueue_name = bench
logfile = ${folder}/${node}.log\npidfile = ${folder}/${node}.pid\nloop_delay = 0.02\npgq_lazy_fetch = 10000\n`,
  )
}

/** The ticker cuts the queue into batches. */
function configureTicker(master: Database): string {
  const folder = folders.of(master)
  const file = join(folder, 'pgqd.ini')
  const { host, port, user, password } = master.server
  writeFileSync(
    file,
    `[pgqd]\nbase_connstr = host=${host} port=${port} user=${user} password=${password}\ninitial_database = postgres
database_list = ${master.name}\nlogfile = ${folder}/pgqd.log\npidfile = ${folder}/pgqd.pid\nticker_period = 0.05\ncheck_period = 1\n`,
  )
  return file
}

function londiste(master: Database, node: Node, ...args: string[]): Promise<string> {
  return runProgram('londiste', ['-q', ini(master, node), ...args], {})
}

const ticker = (master: Database): Daemon => startDaemon('pgqd', [configureTicker(master)])
const worker = (master: Database, node: Node): Daemon => startDaemon('londiste', ['-q', ini(master, node), 'worker'])
const start = (master: Database): Daemon => together([ticker(master), worker(master, 'root'), worker(master, 'leaf')])

async function connect(master: Database, slave: Database, tables: readonly string[], options: string[]): Promise<void> {
  configure(master, 'leaf', slave)
  await whileRunning(together([ticker(master), worker(master, 'root')]), async () => {
    await londiste(master, 'leaf', 'create-leaf', 'leaf', slave.conninfo, `--provider=${master.conninfo}`)
    await londiste(master, 'leaf', 'add-table', MARKER, ...tables, ...options)
  })
  await whileRunning(start(master), async () => {
    await until(
      async () =>
        (await slave.value(`select count(*) from londiste.table_info where merge_state is distinct from 'ok'`)) === '0',
    )
    await passMarker(master, slave)
  })
}

const contender: Contender & { name: 'londiste' } = {
  name: 'londiste',
  async capture(master, tables) {
    configure(master, 'root', master)
    await londiste(master, 'root', 'create-root', 'root', master.conninfo)
    await master.run(`select pgq.set_queue_config('bench', 'ticker_max_lag', '50 milliseconds')`)
    // A table that is copied waits for ticks, also where nothing is written.
    await master.run(`select pgq.set_queue_config('bench', 'ticker_idle_period', '1 second')`)
    await londiste(master, 'root', 'add-table', MARKER, ...tables)
  },
  join: (master, slave, tables) => connect(master, slave, tables, ['--expect-sync']),
  copy: (master, slave, tables) => connect(master, slave, tables, []),
  catchUp: (master, slave) => whileRunning(start(master), () => passMarker(master, slave)),
  follow: async (master) => start(master),
  async leave(master) {
    await master.run('drop extension if exists londiste, pgq_node, pgq cascade')
    folders.remove(master)
  },
}

/** Londiste 3 on PgQ, with short ticks and cursors, as its manual has it for speed. */
export const londisteContender: PeerContender = {
  ...contender,
  async available(database) {
    if (!findProgram('londiste') || !findProgram('pgqd')) return false
    return (await database.value(`select count(*) from pg_available_extensions where name = 'londiste'`)) === '1'
  },
}
