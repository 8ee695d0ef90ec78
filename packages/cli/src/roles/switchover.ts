import type { Followed, Rehearsal, SwitchoverResult } from '@rserv/core'
import { rehearseSwitchover, switchover, undoSwitchover } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Call, Command, Outcome } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { flag, list, positive } from '../values.ts'
import { describeReconciled } from '../commands/repoint.ts'
import { announce, tellNewMaster } from './announce.ts'

export const switchoverCommand: Command = {
  name: 'switchover',
  summary: 'let a master and a slave change places, without losing or copying anything',
  details:
    `The slave must keep a log (slave-add-table --keep-log). A running rserv run lets go of the slaves by itself. All is ` +
    `checked first; --dry-run stops there and tells how long writes would be stopped. Then writes on the master are refused with ` +
    `SQLSTATE 25006, what is left is transferred, and the slave becomes the master, within the time limit, or everything ` +
    `is undone. The old master and the other slaves follow the new one. Interrupted, it is completed by running it again, ` +
    `or given up with --undo.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave that takes its place' },
  ],
  options: ['otherSlave', 'dryRun', 'undo', 'timeLimit', 'anyway', 'announce', 'hook', ...TWO_DATABASES, ...EVERYWHERE],
  examples: [
    'switchover shop shop_two --dry-run',
    'switchover shop shop_two --other-slave service=berlin',
    `switchover shop shop_two --hook 'my-proxy set "$RSERV_MASTER_URI"'`,
  ],
  async run(call) {
    const { args, options, common, side } = call
    const [master, slave] = [await side('master', args[0]), await side('slave', args[1])]
    if (flag(options, 'undo')) {
      const undone = await undoSwitchover(master, slave, common)
      return { json: undone, text: `${undone.master} can be written again; nothing has changed` }
    }
    const others = await otherSlaves(call)
    const seconds = positive(options, 'timeLimit')
    const given = {
      ...common,
      others,
      anyway: flag(options, 'anyway'),
      timeLimitMs: seconds === undefined ? undefined : seconds * 1000,
    }
    if (flag(options, 'dryRun')) return rehearsed(await rehearseSwitchover(master, slave, given))
    const result = await switchover(master, slave, {
      ...given,
      onPromoted: (generation) => tellNewMaster(call, slave, generation),
    })
    if (flag(options, 'announce')) for (const one of [master, ...others]) await announce(call, one, 'slave')
    return outcomeOf(result)
  },
}

/** The slaves of --other-slave. */
async function otherSlaves({ options, side }: Call): Promise<ClientConfig[]> {
  const others: ClientConfig[] = []
  for (const other of list(options, 'otherSlave')) others.push(await side('slave', other))
  return others
}

function rehearsed(rehearsal: Rehearsal): Outcome {
  const { obstacles, writeStopMs } = rehearsal
  if (obstacles.length > 0) {
    const lines = obstacles.map(({ what, fix }) => `! ${what}\n    ${fix}`)
    return { json: rehearsal, text: ['Not ready:', ...lines].join('\n'), failed: true }
  }
  return { json: rehearsal, text: `Ready. Writes would be stopped for about ${writeStopMs} ms; nothing was changed.` }
}

function outcomeOf(result: SwitchoverResult): Outcome {
  const { slave, generation, writeStopMs, followers } = result
  const stop = writeStopMs === null ? 'completed what was interrupted' : `writes were stopped for ${writeStopMs} ms`
  const head = `${slave} is the master now, generation ${generation}: ${stop}`
  return { json: result, text: [head, ...followers.map(followerText)].join('\n'), failed: anyFailed(followers) }
}

export function followerText({ database, result, error }: Followed): string {
  if (result) return describeReconciled(result)
  return `! ${database} does not follow it yet: ${error?.message}. ${error?.hint ?? ''} Run the command again, or rserv repoint.`
}

export function anyFailed(followers: readonly Followed[]): boolean {
  return followers.some(({ error }) => error !== null)
}
