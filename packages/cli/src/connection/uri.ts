import type { ClientConfig } from 'pg'

/** A postgres:// URI of what is connected to, for other programs: they have passwords of their own. */
export function uriWithoutPassword({ host = '', port, user, database = '' }: ClientConfig): string {
  // A folder of sockets cannot stand where a host does.
  const isFolder = host.startsWith('/')
  const userPart = user ? `${encodeURIComponent(user)}@` : ''
  const portPart = port ? `:${port}` : ''
  const query = isFolder ? `?${new URLSearchParams({ host }).toString()}` : ''
  return `postgres://${userPart}${isFolder ? '' : hostPart(host)}${portPart}/${encodeURIComponent(database)}${query}`
}

function hostPart(host: string): string {
  return host.includes(':') ? `[${host}]` : host
}
