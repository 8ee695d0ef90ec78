import { isIP } from 'node:net'

/** Is it an address, or the name, that only this machine can reach? */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  if (bare === 'localhost' || bare === '::1') return true
  return isIP(bare) === 4 && bare.startsWith('127.')
}

/** The host of a Host or an Origin header, without its port; undefined where it has none. */
export function hostOf(header: string): string | undefined {
  const match = /^(?:https?:\/\/)?(\[[0-9a-f:.]+\]|[^[\]/:@\s]+)(?::\d+)?$/i.exec(header)
  return match?.[1]?.toLowerCase()
}
