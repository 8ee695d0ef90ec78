import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

const FILE = new URL('../../../../deploy/rserv.service', import.meta.url)
/** What systemd gives a service of the system. */
const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'
const NOBODY = 65_534

/** The lines of the unit's section [Service], the last of each name, with `/etc/rserv` elsewhere. */
export function serviceOf(etc: string): ReadonlyMap<string, string> {
  const [, section = ''] = /^\[Service\]\n(.*?)^\[/ms.exec(readFileSync(FILE, 'utf8')) ?? []
  const lines = section.replaceAll('/etc/rserv', etc).matchAll(/^(\w+)=(.*)$/gm)
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]))
}

/**
 * Starts the unit's command as systemd does: nothing else in its environment, its umask, an ordinary user, its credentials in a folder.
 * @param folder of the executable `rserv`
 */
export function startUnit(
  service: ReadonlyMap<string, string>,
  { folder, credentials }: { folder: string; credentials: string },
): ChildProcess {
  const value = (name: string): string => {
    const found = service.get(name)
    if (found === undefined) throw new Error(`the unit says no ${name}`)
    return found.replaceAll('%d', credentials)
  }
  const [name = '', text = ''] = value('Environment').split('=')
  const environment = { PATH: `${folder}:${SYSTEM_PATH}`, CREDENTIALS_DIRECTORY: credentials, [name]: text }
  const command = [`umask ${value('UMask')} && exec "$@"`, 'sh', ...value('ExecStart').split(' ')]
  const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {}
  return spawn('sh', ['-c', ...command], { env: environment, cwd: '/', stdio: 'pipe', ...account })
}
