import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Database } from '../database.ts'
import { findProgram, libpq, runProgram } from '../programs.ts'
import type { Contender, PeerContender } from './contender.ts'
import { MARKER } from './contender.ts'
import type { Daemon } from './daemon.ts'
import { Folders, passMarker, until, whileRunning } from './daemon.ts'

const SCHEMA = '/usr/share/bucardo/bucardo.schema'
const CONTROL = 'bucardo'
const folders = new Folders()

function rc(master: Database): string {
  return join(folders.of(master), 'bucardorc')
}

function bucardo(master: Database, ...args: string[]): Promise<string> {
  const { password } = master.server
  // It writes files where it is started.
  return runProgram('bucardo', [`--bucardorc=${rc(master)}`, ...args], { PGPASSWORD: password }, folders.of(master))
}

/** Bucardo keeps what it knows in a database of its own. */
async function install(master: Database): Promise<void> {
  const folder = folders.of(master)
  const { host, port, user, password } = master.server
  writeFileSync(
    rc(master),
    `dbhost=${host}\ndbport=${port}\ndbuser=${user}\ndbpass=${password}\ndbname=${CONTROL}\npiddir=${folder}\nlog_destination=${folder}\n`,
  )
  await master.run(`drop database if exists ${CONTROL} with (force)`)
  await master.run(`create database ${CONTROL}`)
  const psql = findProgram('psql') ?? 'psql'
  await runProgram(psql, ['-q', '-v', 'ON_ERROR_STOP=1', '-f', SCHEMA], { ...libpq(master), PGDATABASE: CONTROL })
}

async function addDatabase(master: Database, name: string, { server, name: database }: Database): Promise<void> {
  const { host, port, user, password } = server
  await bucardo(
    master,
    'add',
    'db',
    name,
    `dbname=${database}`,
    `host=${host}`,
    `port=${port}`,
    `user=${user}`,
    `pass=${password}`,
  )
}

async function start(master: Database): Promise<Daemon> {
  const pidFile = join(folders.of(master), 'bucardo.mcp.pid')
  await bucardo(master, 'start', `--piddir=${folders.of(master)}`, `--log-destination=${folders.of(master)}`)
  await until(async () => existsSync(pidFile))
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  return {
    pid,
    // Its messages tell; it starts its own processes anew.
    ended: new Promise<never>(() => undefined),
    async stop() {
      await bucardo(master, 'stop', `--piddir=${folders.of(master)}`)
      await until(async () => !existsSync(`/proc/${pid}`))
    },
  }
}

async function connect(
  master: Database,
  slave: Database,
  tables: readonly string[],
  onetimecopy: 0 | 1,
): Promise<void> {
  await install(master)
  await addDatabase(master, 'source', master)
  await addDatabase(master, 'target', slave)
  await bucardo(master, 'add', 'table', MARKER, ...tables, 'db=source', 'relgroup=bench')
  await bucardo(
    master,
    'add',
    'sync',
    'bench',
    'relgroup=bench',
    'dbs=source:source,target:target',
    `onetimecopy=${onetimecopy}`,
  )
  await catchUp(master, slave)
}

async function catchUp(master: Database, slave: Database): Promise<void> {
  await whileRunning(await start(master), () => passMarker(master, slave))
}

const contender: Contender & { name: 'bucardo' } = {
  name: 'bucardo',
  // Its triggers come with the sync, which names both databases.
  capture: async () => undefined,
  join: (master, slave, tables) => connect(master, slave, tables, 0),
  copy: (master, slave, tables) => connect(master, slave, tables, 1),
  catchUp,
  follow: (master) => start(master),
  async leave(master) {
    await master.run(`drop database if exists ${CONTROL} with (force)`)
    await master.run('drop schema if exists bucardo cascade')
    folders.remove(master)
  },
}

/** Bucardo 5, one source and one target, woken up by notifications, as it is by default. */
export const bucardoContender: PeerContender = {
  ...contender,
  async available(database) {
    if (!findProgram('bucardo') || !findProgram('psql') || !existsSync(SCHEMA)) return false
    // That it is there does not mean that the library which it needs is.
    return database.run('create extension plperlu').then(
      () => true,
      () => false,
    )
  },
}
