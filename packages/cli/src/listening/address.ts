import { UsageError } from '../errors.ts'

export interface ListenAddress {
  readonly host: string
  /** 0: a free one. */
  readonly port: number
}

const HERE = '127.0.0.1'
const PORT = 8432

/**
 * Reads `8432`, `127.0.0.1`, `db1.example.net:8432`, `[::1]:8432`, `[::]`; undefined is the default, 127.0.0.1:8432.
 * @throws UsageError
 */
export function parseListen(text: string | undefined): ListenAddress {
  if (text === undefined) return { host: HERE, port: PORT }
  const bare = /^:?(\d+)$/.exec(text)?.[1]
  if (bare !== undefined) return { host: HERE, port: portOf(bare, text) }
  const match = /^(\[[0-9a-f:.]+\]|[^:\s[\]]+)(?::(\d+))?$/i.exec(text)
  if (!match?.[1]) {
    throw new UsageError(`not an address to listen on: ${text}`, 'Give a port, a host, HOST:PORT or [IPV6]:PORT.')
  }
  return { host: match[1], port: match[2] === undefined ? PORT : portOf(match[2], text) }
}

function portOf(text: string, all: string): number {
  const port = Number(text)
  if (port > 65_535) throw new UsageError(`not a port: ${all}`, 'A port is a number from 0 (a free one) to 65535.')
  return port
}
