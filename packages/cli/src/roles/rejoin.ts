import type { RejoinKind, RejoinResult } from '@rserv/core'
import { displayName, reapply, rejoin } from '@rserv/core'
import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import type { Command } from '../command.ts'
import { describeReconciled } from '../commands/repoint.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { flag, list, positive, text } from '../values.ts'
import { announce } from './announce.ts'

export const rejoinCommand: Command = {
  name: 'rejoin',
  summary: 'bring a former master back as a slave of the one that replaced it, without a copy',
  details:
    `Its writes are refused (SQLSTATE 25006). The rows that only it had, or had otherwise, are written to rserv.rejoin_row ` +
    `on the new master, and with --report into a file, before they are overwritten; rserv reapply brings them back. With ` +
    `--fence it waits for the old master, and refuses its writes as soon as it can be reached. With --anyway scripts of rserv ddl that ` +
    `only one of the two has run count as run by both.`,
  arguments: [
    { name: '<olddb>', help: 'the former master' },
    { name: '<newdb>', help: 'the master' },
  ],
  options: ['fence', 'report', 'timeLimit', 'copyGaps', 'anyway', 'announce', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['rejoin shop shop_two --report lost-rows.jsonl', 'rejoin shop shop_two --fence --announce'],
  async run(call) {
    const { args, options, common, side } = call
    const [old, master] = [await side('slave', args[0]), await side('master', args[1])]
    const file = text(options, 'report')
    const report = file === undefined ? undefined : createWriteStream(file, { mode: 0o600 })
    const seconds = positive(options, 'timeLimit')
    const result = await rejoin(old, master, {
      ...common,
      report,
      fence: flag(options, 'fence'),
      copy: flag(options, 'copyGaps'),
      anyway: flag(options, 'anyway'),
      timeLimitMs: seconds === undefined ? undefined : seconds * 1000,
    })
    if (report) {
      report.end()
      await finished(report)
    }
    if (flag(options, 'announce')) await announce(call, old, 'slave')
    return { json: result, text: describe(result) }
  },
}

function describe(result: RejoinResult): string {
  const { report } = result
  if (report.rejoinId === null) return `${describeReconciled(result)}\nIt had nothing that the master has not.`
  const tables = report.tables.map(({ table, rows }) => `  ${displayName(table)}: ${count(rows, 'row')}`)
  return [
    describeReconciled(result),
    `It had ${count(report.rows, 'row')} that the master has not, or has otherwise: report ${report.rejoinId}`,
    ...tables,
  ].join('\n')
}

const KINDS: readonly RejoinKind[] = ['only-old', 'differs', 'deleted-by-old']

export const reapplyCommand: Command = {
  name: 'reapply',
  summary: "put a former master's versions of reported rows into the tables",
  details:
    `Of the report of a rejoin, each row once, as changes like any other; all in one transaction. By default rows that only ` +
    `the former master had; --kind differs takes its version of rows that both had, --kind deleted-by-old deletes what it ` +
    `had deleted.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[table]', help: 'only rows of this table' },
  ],
  options: ['kind', 'rejoin', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['reapply shop_two', 'reapply shop_two orders --kind only-old --kind differs'],
  async run({ args, options, common, database }) {
    const kinds = list(options, 'kind').map(kindOf)
    const result = await reapply(await database(args[0]), {
      ...common,
      table: args[1],
      kinds: kinds.length > 0 ? kinds : undefined,
      rejoinId: text(options, 'rejoin'),
    })
    const lines = result.tables.map(({ table, rows }) => `${displayName(table)}: ${count(rows, 'row')}`)
    return { json: result, text: lines.length > 0 ? lines.join('\n') : 'There was nothing left to apply.' }
  },
}

/** @throws UsageError */
function kindOf(value: string): RejoinKind {
  const kind = KINDS.find((one) => one === value)
  if (kind) return kind
  throw new UsageError(`unknown kind ${value}`, `It is one of: ${KINDS.join(', ')}`)
}
