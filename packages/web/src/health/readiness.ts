import type { Problem, ServiceState, SlavePhase, SlaveState } from '@rserv/service'
import { Hono } from 'hono'
import type { Part } from '../part.ts'

/** In these a slave is followed. */
const FOLLOWED: ReadonlySet<SlavePhase> = new Set<SlavePhase>(['copying', 'catching-up', 'in-sync'])

/** Milliseconds without a look or a row after which it is not known whether it is followed. */
const SILENT_MS = 300_000

/** Is it followed: connected, being brought to the master's state or there already, and heard of? */
export function isFollowed(slave: Pick<SlaveState, 'phase' | 'lookedAt'>): boolean {
  return FOLLOWED.has(slave.phase) && !isSilent(slave)
}

function isSilent({ lookedAt }: Pick<SlaveState, 'lookedAt'>): boolean {
  return lookedAt !== null && Date.now() - Date.parse(lookedAt) > SILENT_MS
}

interface SlaveReadiness {
  readonly master: string
  readonly slave: string
  readonly ready: boolean
  readonly phase: SlavePhase
  /** Why it is not followed; null where it is. */
  readonly reason: string | null
  /** The last error, where it is not followed. */
  readonly error: Problem | null
  /** ISO 8601; when it is tried again. */
  readonly retryAt: string | null
}

interface Readiness {
  readonly ready: boolean
  readonly slaves: readonly SlaveReadiness[]
}

/** Which of the configured slaves are followed, and why the others are not. */
function readiness({ masters }: ServiceState): Readiness {
  const slaves = masters.flatMap((master) => master.slaves.map((slave) => judge(master.name, slave, master.lastError)))
  return { ready: slaves.every(({ ready }) => ready), slaves }
}

function judge(master: string, slave: SlaveState, masterError: Problem | null): SlaveReadiness {
  const ready = isFollowed(slave)
  const error = ready ? null : (slave.lastError ?? masterError)
  const { name, phase, retryAt } = slave
  return { master, slave: name, ready, phase, reason: ready ? null : reasonOf(slave, error), error, retryAt }
}

function reasonOf(slave: SlaveState, error: Problem | null): string {
  if (!FOLLOWED.has(slave.phase)) return REASONS[slave.phase](error)
  return `nothing was heard of it since ${slave.lookedAt}: a transfer waits, perhaps for a lock, or a connection hangs`
}

const because = (what: string, error: Problem | null): string => (error ? `${what}: ${error.message}` : what)

const REASONS: Record<SlavePhase, (error: Problem | null) => string> = {
  connecting: (error) => because('it is being connected to', error),
  copying: () => 'it is being copied',
  'catching-up': () => 'it is catching up',
  'in-sync': () => 'it is in sync',
  paused: () => 'it was paused: rserv resume',
  retrying: (error) => because('the last attempt failed', error),
  detached: (error) => because('it was detached, so that the log could be cleaned, and must be copied anew', error),
  stopped: (error) => because('it is not followed any more', error),
}

/** `/readyz`: 200 where every configured slave is followed, else 503; both with the reasons as JSON. */
export const readinessPart: Part = ({ feed }) =>
  new Hono().get('/readyz', (c) => {
    const answer = readiness(feed.now())
    return c.json(answer, answer.ready ? 200 : 503)
  })
