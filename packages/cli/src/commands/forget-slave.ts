import { forgetSlave } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'

export const forgetSlaveCommand: Command = {
  name: 'master-forget-slave',
  summary: 'forget a slave that is gone: the log waits for it no longer',
  details:
    `For a slave that will not come back, named as in status; nothing is done in its database. Should it come back after ` +
    `all, it is refused until rserv resync, which copies its tables again.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slave>', help: 'name of the slave, as status shows it' },
  ],
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-forget-slave shop berlin'],
  async run({ args, common, database }) {
    const result = await forgetSlave(await database(args[0]), args[1] ?? '', common)
    return {
      json: result,
      text: `slave ${result.server} is forgotten; it had confirmed sync id ${result.syncId ?? 'none'}`,
    }
  },
}
