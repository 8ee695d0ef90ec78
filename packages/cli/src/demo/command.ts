import type { TransferResult } from '@rserv/core'
import { replicate } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Call, Command, Outcome } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { table } from '../output.ts'
import { onDatabase } from './databases.ts'
import type { DemoServer } from './server.ts'
import { demoServer } from './server.ts'
import { setUpDemo } from './set-up.ts'

export const demoCommand: Command = {
  name: 'demo',
  historic: 'InitRservTest',
  summary: 'two databases with a table each, replication between them, and a first transfer',
  details:
    `Without --host, --port, --user and PGHOST a real PostgreSQL server is started for it, and stopped afterwards unless ` +
    `--keep is given. With them it runs on your server, in two databases that it creates; it never touches a database ` +
    `that holds anything else.`,
  arguments: [
    { name: '[masterdb]', help: 'name of the master database; default master' },
    { name: '[slavedb]', help: 'name of the slave database; default slave' },
  ],
  options: ['dir', 'keep', 'major', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['demo', 'demo --keep --dir ./demo', 'demo --host localhost --user postgres m1 s1'],
  async run(call) {
    const databases = [call.args[0] ?? 'master', call.args[1] ?? 'slave'] as const
    if (databases[0] === databases[1]) throw new UsageError('master and slave have one name', 'Give two names.')
    const server = await demoServer(call, databases)
    let succeeded = false
    try {
      const shown = await show(call, server, databases)
      succeeded = true
      return shown
    } finally {
      await server.stop(succeeded)
    }
  },
}

async function show(
  call: Call,
  server: DemoServer,
  [masterName, slaveName]: readonly [string, string],
): Promise<Outcome> {
  const { context, common } = call
  const say = (line: string): void => void context.stderr.write(`${line}\n`)
  await setUpDemo(call, server, [masterName, slaveName])
  const [master, slave] = [server.config(masterName), server.config(slaveName)]
  const transfers: TransferResult[] = []
  const steps = [
    `insert into public.test (data) values ('one'), ('two'), ('three'), ('four')`,
    `update public.test set data = 'TWO, changed' where data = 'two'; delete from public.test where data = 'three'`,
  ]
  for (const sql of steps) {
    say(`Master: ${sql.replaceAll('public.', '')}`)
    await onDatabase(master, (client) => client.query(sql))
    transfers.push(await replicate(master, slave, common))
    say(`Replicate: SyncID ${transfers.at(-1)?.syncId}`)
  }
  return outcome(server, { masterName, slaveName }, { transfers, rows: await bothSides(master, slave) })
}

interface DemoRow {
  readonly id: string
  readonly data: string
}

async function rowsOf(config: ClientConfig): Promise<DemoRow[]> {
  return onDatabase(config, async (client) => {
    const { rows } = await client.query<DemoRow>('select id::text, data from public.test order by id')
    return rows
  })
}

async function bothSides(master: ClientConfig, slave: ClientConfig): Promise<{ master: DemoRow[]; slave: DemoRow[] }> {
  return { master: await rowsOf(master), slave: await rowsOf(slave) }
}

function outcome(
  server: DemoServer,
  { masterName, slaveName }: { masterName: string; slaveName: string },
  result: { transfers: TransferResult[]; rows: { master: DemoRow[]; slave: DemoRow[] } },
): Outcome {
  const { master, slave } = result.rows
  const ids = [...new Set([...master, ...slave].map((row) => row.id))]
  const cell = (rows: DemoRow[], id: string): string => rows.find((row) => row.id === id)?.data ?? 'n/a'
  const sides = table(
    ['id', masterName, slaveName],
    ids.map((id) => [id, cell(master, id), cell(slave, id)]),
  )
  const next = nextCommands(server, masterName, slaveName)
  const lines = ['', sides, '', 'Next, try:', ...next.map((command) => `  ${command}`)]
  if (server.stopHint) lines.push('', server.stopHint)
  return { json: { ...result, next }, text: lines.join('\n') }
}

function nextCommands({ commandLine }: DemoServer, master: string, slave: string): string[] {
  if (!commandLine)
    return ['npx rserv demo --keep --dir demo-server', 'npx rserv help', 'npx rserv help master-add-table']
  return [
    commandLine('status', [master, slave]),
    commandLine('replicate', [master, slave]),
    commandLine('clean-log', [master], '--older-than 0'),
  ]
}
