import type { StatusResult } from '@rserv/core'
import { displayName, status } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { table } from '../output.ts'

export const statusCommand: Command = {
  name: 'status',
  summary: 'tables, logs and slaves of a master',
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[slavedbs...]', help: 'slaves to ask themselves' },
  ],
  options: [...TWO_DATABASES, ...EVERYWHERE],
  examples: ['status shop', 'status shop shop_copy --json'],
  async run({ args, common, side }) {
    const [masterText, ...slaveTexts] = args
    const master = await side('master', masterText)
    const slaves = []
    for (const slave of slaveTexts) slaves.push(await side('slave', slave))
    const result = await status(master, slaves, common)
    return { json: result, text: describe(result) }
  },
}

function describe(result: StatusResult): string {
  const parts = [
    `Master ${result.database} (node ${result.nodeId}, backend ${result.backend})`,
    result.tables.length === 0 ? 'No table is captured.' : tablesText(result),
    result.servers.length === 0 ? 'No slave has registered yet.' : serversText(result),
    ...result.slaves.map(slaveText),
  ]
  return parts.join('\n\n')
}

function tablesText({ tables }: StatusResult): string {
  const rows = tables.map((t) => [
    displayName(t.table),
    t.keyColumns.join(', '),
    t.backend,
    t.granularity,
    String(t.logRows),
    String(t.logBytes),
  ])
  const remarks = tables.flatMap((t) => (t.remark === null ? [] : [`! ${displayName(t.table)}: ${t.remark}`]))
  return [table(['table', 'key', 'backend', 'granularity', 'log rows', 'log bytes'], rows), ...remarks].join('\n')
}

function serversText({ servers }: StatusResult): string {
  const rows = servers.map((s) => [
    s.server,
    s.syncId ?? '-',
    String(s.rowsBehind ?? 'never synced'),
    s.secondsBehind === null ? '-' : s.secondsBehind.toFixed(1),
    s.confirmedAt ?? '-',
  ])
  return table(['slave', 'sync id', 'rows behind', 'seconds behind', 'confirmed at'], rows)
}

function slaveText(slave: StatusResult['slaves'][number]): string {
  const rows = slave.tables.map((t) => [displayName(t.table), t.keyColumns.join(', '), t.state])
  const head = `Slave ${slave.database}: SyncID ${slave.syncId ?? 'none'}${slave.appliedAt ? `, applied at ${slave.appliedAt}` : ''}`
  return rows.length === 0 ? `${head}\nNo table is registered.` : `${head}\n${table(['table', 'key', 'state'], rows)}`
}
