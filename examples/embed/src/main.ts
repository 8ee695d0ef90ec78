// Keeps a slave up from a program of yours: npm start -- MASTER-URI SLAVE-URI, ended by Ctrl-C.
import { createService } from '@rserv/service'
import { backend } from '@rserv/trigger-plpgsql'

const [master = '', slave = ''] = process.argv.slice(2)
const abort = new AbortController()
await using service = createService(
  {
    masters: [
      {
        name: 'shop',
        source: { connectionString: master },
        slaves: [{ name: 'berlin', source: { connectionString: slave }, throttle: { bytesPerSecond: 50_000_000 } }],
      },
    ],
    backends: async () => backend,
  },
  { signal: abort.signal },
)

// The first Ctrl-C ends it after the transfer in hand, the second at once.
process.once('SIGINT', () => {
  process.once('SIGINT', () => abort.abort())
  void service.stop()
})

for await (const event of service.events()) {
  if (event.kind === 'applied') console.log(`${event.slave}: ${event.rows} rows, sync ${event.syncId}`)
  else if ('problem' in event) console.log(`${event.slave ?? event.master}: ${event.problem.message}`)
  else console.log(`${event.slave ?? event.master}: ${event.kind}`)
  if (event.kind === 'in-sync') {
    const [berlin] = service.state().masters[0]?.slaves ?? []
    console.log(`berlin is ${berlin?.phase}, ${berlin?.secondsBehind} seconds behind`)
  }
}
await service.done
