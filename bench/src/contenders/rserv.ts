import type { RservEvent } from '@rserv/core'
import { masterAddTables, masterInit, replicate, slaveAddTables, slaveInit } from '@rserv/core'
import { backend } from '@rserv/trigger-plpgsql'
import { startRun } from '../cli.ts'
import type { Database } from '../database.ts'
import type { Contender } from './contender.ts'
import { MARKER } from './contender.ts'

export const backends = async (): Promise<typeof backend> => backend

/** What `replicate` still does when the rows are visible: it confirms, and makes statistics of tables that grew. */
const finishing = new WeakMap<Database, Promise<unknown>>()

/** Returns when the rows are visible, as the others do. */
async function catchUp(master: Database, slave: Database): Promise<void> {
  await finishing.get(slave)
  await new Promise<void>((resolve, reject) => {
    const onEvent = ({ point }: RservEvent): void => {
      if (point === 'apply.committed') resolve()
    }
    const done = replicate(master.config, slave.config, { onEvent }).then(() => resolve())
    done.catch(reject)
    finishing.set(
      slave,
      done.catch(() => undefined),
    )
  })
}

export const rserv: Contender = {
  name: 'rserv',
  async capture(master, tables) {
    await masterInit(master.config, { backends })
    await masterAddTables(master.config, { tables: [MARKER, ...tables], backends })
  },
  async join(master, slave, tables) {
    await slaveInit(slave.config)
    await slaveAddTables(slave.config, { tables: [MARKER, ...tables], assumeSynced: true })
    await master.run(`insert into ${MARKER} (id) select coalesce(max(id), 0) + 1 from ${MARKER}`)
    await catchUp(master, slave)
  },
  async copy(master, slave, tables) {
    await slaveInit(slave.config)
    await slaveAddTables(slave.config, { tables: [...tables] })
    await catchUp(master, slave)
  },
  catchUp,
  follow: (master, slave) => startRun(master, [slave]),
  leave: async (_master, slave) => {
    if (slave) await finishing.get(slave)
  },
}
