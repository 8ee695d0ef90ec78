import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** Why the tests of the container image are skipped; undefined: they are not. */
export const WHY_NO_PODMAN = whyNot()

function whyNot(): string | undefined {
  const { status } = spawnSync('podman', ['--version'], { stdio: 'ignore' })
  if (status !== 0) return 'no podman here: apt-get install podman runc uidmap'
  return process.getuid?.() === 0 ? undefined : 'podman is tried as root: rootless it needs subordinate user ids'
}

/** Limits that an engine inside a container may set, too. */
const LIMITS = ['--ulimit', 'nofile=1024:4096', '--ulimit', 'nproc=1024:4096']

export interface PodmanRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Needs no systemd. */
export async function tryPodman(args: readonly string[], input?: NodeJS.ReadableStream): Promise<PodmanRun> {
  const child = spawn('podman', ['--cgroup-manager', 'cgroupfs', ...args])
  if (input) input.pipe(child.stdin)
  else child.stdin.end()
  const output = [text(child.stdout), text(child.stderr)] as const
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, stdout: await output[0], stderr: await output[1] }
}

/** @throws Error with its output when it fails */
export async function podman(args: readonly string[], input?: NodeJS.ReadableStream): Promise<string> {
  const { status, stdout, stderr } = await tryPodman(args, input)
  if (status !== 0) throw new Error(`podman ${args.join(' ')} ended with ${status}:\n${stdout}${stderr}`)
  return stdout.trim()
}

export interface Building {
  readonly context: string
  readonly tag: string
  readonly args: Readonly<Record<string, string>>
  /** Files and folders that the build sees: `/here:/there`. */
  readonly volumes: readonly string[]
}

/** Builds by the rules of Docker, on the network of this machine. */
export async function buildImage({ context, tag, args, volumes }: Building): Promise<void> {
  const how = ['--format', 'docker', '--isolation', 'chroot', '--network', 'host', ...LIMITS]
  await podman([
    'build',
    '--tag',
    tag,
    ...how,
    ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value}`]),
    ...volumes.flatMap((volume) => ['--volume', volume]),
    context,
  ])
}

/** A container's standard output, when it has ended. */
export async function runOnce(options: readonly string[], image: readonly string[]): Promise<string> {
  return podman(['run', '--rm', '--network', 'host', ...LIMITS, ...options, ...image])
}

/** A container on the network of this machine. */
export class Container implements AsyncDisposable {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** @param options of `podman run`, before the image and its arguments */
  static async start(name: string, options: readonly string[], image: readonly string[]): Promise<Container> {
    // The timer of the health is systemd's.
    const own = ['--detach', '--name', name, '--network', 'host', '--health-interval', 'disable', ...LIMITS]
    await podman(['run', ...own, ...options, ...image])
    return new Container(name)
  }

  /** What it wrote; its log goes to standard output. */
  async logs(): Promise<string> {
    return podman(['logs', this.name])
  }

  /** One more process in it. */
  async exec(...command: string[]): Promise<string> {
    return podman(['exec', this.name, ...command])
  }

  async signal(name: string): Promise<void> {
    await podman(['kill', '--signal', name, this.name])
  }

  /** Runs what the image says about health; is it well? */
  async healthy(): Promise<boolean> {
    return (await tryPodman(['healthcheck', 'run', this.name])).status === 0
  }

  /** The exit code, after the signal that the image names. */
  async stop(): Promise<number> {
    await podman(['stop', '--time', '60', this.name])
    return Number(await podman(['wait', this.name]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await tryPodman(['rm', '--force', '--time', '0', this.name])
  }
}
