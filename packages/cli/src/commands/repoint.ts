import { displayName, reconcile } from '@rserv/core'
import type { ReconcileResult } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { flag } from '../values.ts'

export const repointCommand: Command = {
  name: 'repoint',
  summary: 'let a slave follow another master, or another slave that keeps a log, without a copy',
  details:
    `The two must have held one state, which both have on record: because one fed the other, or a third fed both. What ` +
    `changed on either since then is transferred, as the new master has it. So a slave goes on after its master was ` +
    `replaced, also where it was ahead; after the node between it and the master is gone; after the master was restored to ` +
    `an earlier time. With --copy-gaps tables whose logs do not reach back far enough are copied; with --anyway scripts of rserv ddl that only ` +
    `one of the two has run count as run by both.`,
  arguments: [
    { name: '<masterdb>', help: 'whom it shall follow' },
    { name: '<slavedb>', help: 'the slave' },
  ],
  options: ['copyGaps', 'anyway', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['repoint shop_two shop_copy'],
  async run({ args, options, common, side }) {
    const [master, slave] = [await side('master', args[0]), await side('slave', args[1])]
    const result = await reconcile(master, slave, {
      ...common,
      copy: flag(options, 'copyGaps'),
      anyway: flag(options, 'anyway'),
    })
    return { json: result, text: describeReconciled(result) }
  },
}

export function describeReconciled({ source, target, keys, copied, transfer }: ReconcileResult): string {
  const rows = transfer.tables.reduce((sum, table) => sum + table.written + table.deleted, 0)
  const whole = copied.length > 0 ? `; copied whole: ${copied.map(displayName).join(', ')}` : ''
  const own = keys > 0 ? `, ${count(keys, 'key')} of its own among them` : ''
  return `${target} follows ${source}: ${count(rows, 'row')} written or deleted${own}${whole}`
}
