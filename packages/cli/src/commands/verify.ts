import type { DifferingKey, VerifiedTable, VerifyResult } from '@rserv/core'
import { displayName, verify } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { flag, whole } from '../values.ts'

export const verifyCommand: Command = {
  name: 'verify',
  summary: 'compare the rows of a slave with the master; with --repair mend them',
  details:
    `Compares both sides at one moment, the slave's position, while both are in use: each is read in one snapshot, and ` +
    `keys that changed since are left out, for the next transfer brings them anyway. The servers compute hashes; only ` +
    `for parts of a table that differ keys travel. With --repair just the differing keys are transferred, with what ` +
    `changed meanwhile. Exit code 1 when something differs and was not repaired, or could not be compared.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave' },
    { name: '[tables...]', help: "tables or patterns such as 'sales.*'; default all" },
  ],
  options: ['repair', 'limit', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['verify shop shop_copy', `verify shop shop_copy orders 'sales.*' --repair`],
  async run({ args, options, common, side }) {
    const limit = whole(options, 'limit')
    const master = await side('master', args[0])
    const slave = await side('slave', args[1])
    const tables = args.slice(2).filter((name) => name !== undefined)
    const result = await verify(master, slave, { ...common, tables, limit, repair: flag(options, 'repair') })
    return { json: result, text: describe(result), failed: result.tables.some(isBad) }
  },
}

function isBad({ outcome, repaired }: VerifiedTable): boolean {
  return outcome === 'not-verifiable' || (outcome === 'different' && !repaired)
}

function describe(result: VerifyResult): string {
  const lines = result.tables.flatMap(tableLines)
  if (lines.length === 0) lines.push(`Slave ${result.slave} takes no table from this master: nothing to compare`)
  if (result.transfer) lines.push(`Repaired: the slave is at SyncID ${result.transfer.syncId}`)
  else if (result.tables.some(({ repaired }) => repaired)) lines.push('The next transfer brings the differing keys')
  else if (result.tables.some(isBad)) lines.push(hintFor(result))
  return lines.join('\n')
}

function hintFor({ tables }: VerifyResult): string {
  const repairable = tables.some(({ outcome }) => outcome === 'different')
  return repairable
    ? 'verify --repair brings the differing keys to the slave again'
    : 'Not every table could be compared'
}

function tableLines(table: VerifiedTable): string[] {
  const name = displayName(table.table)
  if (table.error) {
    return [
      `${name}: NOT COMPARED: ${table.error.message}`,
      ...(table.error.hint ? [`  hint: ${table.error.hint}`] : []),
    ]
  }
  if (table.outcome === 'copied-next') return [`${name}: not compared: the next transfer copies it whole`]
  const pending = table.pending > 0 ? `; ${count(table.pending, 'key')} changed since and left out` : ''
  const compared = `${count(table.rows, 'row')} compared${pending}`
  if (table.outcome === 'equal') return [`${name}: equal (${compared})`]
  const { missing, extra, different, keys } = table
  const more = missing + extra + different - keys.length
  return [
    `${name}: ${missing} missing, ${extra} extra, ${different} different (${compared})`,
    ...keys.map(keyLine),
    ...(more > 0 ? [`  … and ${more} more (--limit)`] : []),
  ]
}

function keyLine({ kind, key }: DifferingKey): string {
  return `  ${kind}: ${key.map((value) => JSON.stringify(value)).join(', ')}`
}
