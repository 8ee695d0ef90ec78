import type { PromoteResult } from '@rserv/core'
import { promote } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { table } from '../output.ts'
import { flag, list, text, whole } from '../values.ts'
import { announce, tellNewMaster } from './announce.ts'
import { anyFailed, followerText } from './switchover.ts'

export const promoteCommand: Command = {
  name: 'promote',
  summary: 'make a slave the master because the old one is gone',
  details:
    `The slave must keep a log (slave-add-table --keep-log). With the other slaves that can be reached given, the one that ` +
    `has most of the master's changes has to be taken; all follow it afterwards, also one that was ahead. What the old ` +
    `master had committed and no slave has got is not lost yet: rserv rejoin reports it when the old master comes back. A ` +
    `master that is promoted again, with slaves given that know of another promotion, takes the next generation.`,
  arguments: [{ name: '<slavedb>', help: 'the slave that becomes the master' }],
  options: ['otherSlave', 'oldMaster', 'anyway', 'sequenceMargin', 'announce', 'hook', ...ONE_DATABASE, ...EVERYWHERE],
  examples: [
    'promote shop_two --other-slave service=berlin --old-master service=shop',
    `promote shop_two --hook 'my-proxy set "$RSERV_MASTER_URI"'`,
  ],
  async run(call) {
    const { args, options, common, database } = call
    const slave = await database(args[0])
    const others = []
    for (const other of list(options, 'otherSlave')) others.push(await database(other))
    const old = text(options, 'oldMaster')
    const result = await promote(slave, {
      ...common,
      others,
      oldMaster: old === undefined ? undefined : await database(old),
      anyway: flag(options, 'anyway'),
      sequenceMargin: whole(options, 'sequenceMargin'),
      onPromoted: (generation) => tellNewMaster(call, slave, generation),
    })
    if (flag(options, 'announce')) for (const one of others) await announce(call, one, 'slave')
    return { json: result, text: describe(result), failed: anyFailed(result.followers) }
  },
}

function describe({ database, generation, oldMaster, candidates, followers }: PromoteResult): string {
  const rows = candidates.map((one) => [
    one.database,
    one.syncId ?? '-',
    one.appliedAt ?? '-',
    one.keysAhead === null ? 'more' : String(one.keysAhead),
  ])
  const [own] = candidates
  const lines = [
    `${database} is the master now, generation ${generation}`,
    ...(rows.length > 0 ? [table(['slave', 'sync id', 'applied at', 'keys ahead of the first'], rows)] : []),
    ...(own
      ? [
          `It has what node ${oldMaster} had committed up to sync id ${own.syncId}, applied at ${own.appliedAt}. What that committed later`,
          'is not here, unless another slave given had it. When it is back: rserv rejoin OLD NEW reports those rows.',
        ]
      : []),
    ...followers.map(followerText),
  ]
  return lines.join('\n')
}
