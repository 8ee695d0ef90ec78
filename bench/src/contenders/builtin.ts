import type { Database } from '../database.ts'
import type { Contender } from './contender.ts'
import { MARKER } from './contender.ts'
import { passMarker, until } from './daemon.ts'

/** Names of slots and subscriptions are the master database's own. */
const slotOf = (master: Database): string => `slot_${master.name}`

/** What the manual recommends for speed. */
function tuned(server: { major: number }): string {
  return `binary = true, streaming = ${server.major >= 16 ? 'parallel' : 'on'}`
}

/** PostgreSQL's logical replication. */
export const builtin: Contender = {
  name: 'builtin',
  async capture(master, tables) {
    await master.run(`create publication bench for table ${[MARKER, ...tables].join(', ')}`)
    await master.run(`select pg_create_logical_replication_slot('${slotOf(master)}', 'pgoutput')`)
  },
  async join(master, slave) {
    await slave.run(`create subscription ${slotOf(master)} connection '${master.conninfo}' publication bench
      with (enabled = false, create_slot = false, slot_name = '${slotOf(master)}', copy_data = false, ${tuned(slave.server)})`)
  },
  async copy(master, slave) {
    await slave.run(`create subscription ${slotOf(master)} connection '${master.conninfo}' publication bench
      with (enabled = true, create_slot = false, slot_name = '${slotOf(master)}', copy_data = true, ${tuned(slave.server)})`)
    await until(
      async () =>
        (await slave.value(`select count(*) filter (where srsubstate not in ('r', 's')) from pg_subscription_rel`)) ===
        '0',
    )
  },
  async catchUp(master, slave) {
    await slave.run(`alter subscription ${slotOf(master)} enable`)
    await passMarker(master, slave)
    await slave.run(`alter subscription ${slotOf(master)} disable`)
  },
  async follow(master, slave) {
    await slave.run(`alter subscription ${slotOf(master)} enable`)
    // The apply worker is a child of the slave's server.
    return { pid: 0, stop: () => slave.run(`alter subscription ${slotOf(master)} disable`) }
  },
  async leave(master, slave) {
    const name = slotOf(master)
    if (slave && (await slave.value(`select count(*) from pg_subscription where subname = '${name}'`)) === '1') {
      await slave.run(`alter subscription ${name} disable`)
      await slave.run(`alter subscription ${name} set (slot_name = none)`)
      await slave.run(`drop subscription ${name}`)
    }
    await until(
      async () =>
        (await master.value(`select count(*) from pg_replication_slots where active_pid is not null`)) === '0',
    )
    await master.run(`select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${name}'`)
  },
}
