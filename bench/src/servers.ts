import { dirname } from 'node:path'
import type { Server } from '@rserv/embedded'
import { startServer } from '@rserv/embedded'
import type { Options } from './options.ts'

/** The same for all contenders, and as durable as the defaults: fsync and full_page_writes stay on. */
const SETTINGS: Record<string, string> = {
  wal_level: 'logical',
  shared_buffers: '512MB',
  max_connections: '60',
  max_wal_size: '8GB',
  checkpoint_timeout: '30min',
  max_wal_senders: '20',
  max_replication_slots: '20',
  max_logical_replication_workers: '16',
  max_worker_processes: '24',
  maintenance_work_mem: '256MB',
  log_min_messages: 'error',
}

/** Servers for masters and for slaves. */
export interface Servers extends AsyncDisposable {
  readonly master: Server
  readonly slave: Server
}

export async function startServers(options: Options): Promise<Servers> {
  const installation = options.pgBin === undefined ? undefined : dirname(options.pgBin)
  const start = (): Promise<Server> => startServer({ major: options.major, installation, settings: SETTINGS })
  const master = await start()
  const slave = await start().catch(async (error: unknown) => {
    await master.stop('immediate')
    throw error
  })
  return {
    master,
    slave,
    async [Symbol.asyncDispose]() {
      await slave.stop('immediate')
      await master.stop('immediate')
    },
  }
}
