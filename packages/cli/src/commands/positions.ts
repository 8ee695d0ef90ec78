import { cleanLog, getSyncId, masterSync } from '@rserv/core'
import type { Command } from '../command.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'
import { count } from '../output.ts'
import { flag, number, syncId } from '../values.ts'

export const getSyncIdCommand: Command = {
  name: 'get-sync-id',
  historic: 'GetSyncID',
  summary: 'the last sync id that a slave applied',
  details: `With --noverbose the bare number without a newline, for use in a shell substitution.`,
  arguments: [{ name: '<slavedb>', help: 'the slave' }],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['get-sync-id shop_copy', 'master-sync shop $(rserv get-sync-id --noverbose shop_copy)'],
  async run({ args, options, common, context, database }) {
    const result = await getSyncId(await database(args[0]), common)
    if (result.syncId === null) {
      context.stderr.write('No SyncID found\n')
      return { json: result, text: '' }
    }
    if (flag(options, 'noverbose')) return { json: result, text: result.syncId, bare: true }
    return { json: result, text: `Last SyncID applied: ${result.syncId}` }
  },
}

export const masterSyncCommand: Command = {
  name: 'master-sync',
  historic: 'MasterSync',
  summary: 'register with a master that a slave has applied a sync id',
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<syncid>', help: 'as get-sync-id prints it' },
  ],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-sync shop 17', 'master-sync shop $(rserv get-sync-id --noverbose shop_copy)'],
  async run({ args, common, database }) {
    const id = syncId(args[1])
    const result = await masterSync(await database(args[0]), id, common)
    const texts = {
      registered: `SyncID ${id} registered for slave ${result.server}`,
      'already-registered': `SyncID ${id} (slave ${result.server}) already updated: nothing changed`,
      unknown: `No SyncID ${id} found: nothing changed`,
    }
    return { json: result, text: texts[result.outcome] }
  },
}

export const cleanLogCommand: Command = {
  name: 'clean-log',
  historic: 'CleanLog',
  summary: 'remove log rows that every slave has confirmed',
  details:
    `Never removes what a registered slave has not confirmed, whatever number is given; a slave that has never synced ` +
    `keeps the whole log.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[syncid]', help: 'remove up to this sync id' },
  ],
  options: ['olderThan', ...ONE_DATABASE, ...EVERYWHERE],
  examples: ['clean-log shop 17', 'clean-log shop --older-than 3600'],
  async run({ args, options, common, backends, database }) {
    const age = number(options, 'olderThan')
    if ((age === undefined) === (args[1] === undefined)) {
      throw new UsageError('give either a sync id or --older-than', 'For example: rserv clean-log shop 17')
    }
    const limit = age === undefined ? { syncId: syncId(args[1]) } : { olderThanSeconds: age }
    const result = await cleanLog(await database(args[0]), { ...limit, ...common, backends })
    const held = result.heldBy.map(({ server, reason }) => `\nheld by slave ${server}: it ${reason}`)
    return { json: result, text: `${count(result.rows, 'log row')} removed${held.join('')}` }
  },
}
