import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ClientConfig } from 'pg'

/** What the network does with what a client sends: lets it through, loses it with the connection, … */
export type Fate = 'pass' | 'cut' | 'pass, then cut' | 'stall'

export interface Proxy extends AsyncDisposable {
  readonly config: ClientConfig
  /** Decides on every piece that a client sends; default: all pass. */
  onSent: (piece: Buffer) => Fate
  /** Milliseconds that every piece takes, in both directions; default 0. */
  delayMs: number
  /** Cuts all connections. */
  cut(): void
}

/** A TCP proxy before a server, on 127.0.0.1. */
export async function startProxy(to: ClientConfig): Promise<Proxy> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect({ host: to.host ?? '127.0.0.1', port: Number(to.port) })
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        // The other side learns of it, as it would from a kernel.
        client.destroy()
        upstream.destroy()
      })
    }
    pass(client, upstream, (piece) => proxy.onSent(piece))
    pass(upstream, client, () => 'pass')
  })
  const pass = (from: Socket, into: Socket, fate: (piece: Buffer) => Fate): void => {
    let stalled = false
    let order = Promise.resolve()
    const forward = async (piece: Buffer): Promise<void> => {
      if (proxy.delayMs > 0) await sleep(proxy.delayMs)
      const what = stalled ? 'stall' : fate(piece)
      if (what === 'stall') stalled = true
      else if (what === 'cut') from.destroy()
      else if (what === 'pass') into.write(piece)
      else into.write(piece, () => void sleep(100).then(() => from.destroy()))
      // What the server answers to the last piece is lost.
      if (what === 'pass, then cut') into.removeAllListeners('data')
    }
    from.on('data', (piece: Buffer) => (order = order.then(() => forward(piece))))
  }
  const proxy: Proxy = {
    get config() {
      return { ...to, host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    },
    onSent: () => 'pass',
    delayMs: 0,
    cut: () => {
      for (const socket of open) socket.destroy()
    },
    async [Symbol.asyncDispose]() {
      proxy.cut()
      server.close()
      await once(server, 'close')
    },
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return proxy
}
