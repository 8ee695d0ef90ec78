import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder of a user, outside of the workspace. */
export class UserFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'rserv-user-'))
  /** On top of this process's. */
  readonly env: Record<string, string> = {}

  constructor(npmrc: string) {
    this.write('.npmrc', npmrc)
    this.write('package.json', '{ "private": true, "type": "module" }')
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.path, name), text)
  }

  read(name: string): string {
    return readFileSync(join(this.path, name), 'utf8')
  }

  /** Runs a program without this process's npm and PG variables. @throws Error with its output when it fails */
  async run(program: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.spawn(program, ...args)
    if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
    return stdout
  }

  /** A line as a user types it. */
  async sh(line: string): Promise<string> {
    return this.run('sh', '-c', line)
  }

  async spawn(program: string, ...args: string[]): Promise<Run> {
    const env = Object.entries(process.env).filter(([name]) => !/^(npm_|PG|NODE_|VITEST)/.test(name))
    const child = spawn(program, args, { cwd: this.path, env: { ...Object.fromEntries(env), ...this.env } })
    child.stdin.end()
    const output = [text(child.stdout), text(child.stderr)] as const
    const [status] = (await once(child, 'close')) as [number | null]
    return { status, stdout: await output[0], stderr: await output[1] }
  }

  /** `npm install` as a user types it. */
  async install(...packages: string[]): Promise<void> {
    await this.run('npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...packages)
  }

  /** An executable that npm has linked. */
  bin(name: string): string {
    return join(this.path, 'node_modules', '.bin', name)
  }

  /** Names of all packages that are installed. */
  packages(): string[] {
    const lock = JSON.parse(this.read('package-lock.json')) as { packages: Record<string, unknown> }
    const paths = Object.keys(lock.packages).filter((path) => path !== '')
    return paths.map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)).toSorted()
  }

  /** Bytes of all installed files. */
  size(): number {
    const modules = join(this.path, 'node_modules')
    const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true })
  }
}
