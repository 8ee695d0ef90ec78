import type { Problem, ServiceState } from '@rserv/service'
import { byId, el, renew } from './dom.ts'
import { bytes, tableName, time } from './format.ts'

interface Shown {
  readonly where: string
  readonly problem: Problem
  readonly retryAt: string | null
}

/** Shows what is wrong now, with what to do; returns how many that are. */
export function showProblems(state: ServiceState): number {
  const problems = problemsOf(state)
  byId('problems').hidden = problems.length === 0
  renew(byId('problem-list'), problems.map(line))
  return problems.length
}

function line({ where, problem, retryAt }: Shown): HTMLElement {
  const again = retryAt === null ? '' : `, tried again at ${time(retryAt)}`
  return el(
    'li',
    {},
    el(
      'p',
      { class: 'problem-head' },
      el('strong', {}, where),
      el('code', {}, problem.code),
      ` ${time(problem.at)}${again}`,
    ),
    el('p', { class: 'problem-message' }, problem.message),
    problem.hint === null ? null : el('p', { class: 'problem-hint' }, problem.hint),
  )
}

function problemsOf({ masters }: ServiceState): Shown[] {
  return masters.flatMap((master) => [
    ...(master.lastError ? [{ where: master.name, problem: master.lastError, retryAt: null }] : []),
    ...logLimit(master),
    ...master.slaves.flatMap((slave) => [
      ...(slave.lastError ? [{ where: slave.name, problem: slave.lastError, retryAt: slave.retryAt }] : []),
      ...slave.tables.flatMap((table) =>
        table.error ? [{ where: `${slave.name}: ${tableName(table)}`, problem: table.error, retryAt: null }] : [],
      ),
    ]),
  ])
}

function logLimit({ name, logLimit: limit, logBytes }: ServiceState['masters'][number]): Shown[] {
  if (!limit?.passed) return []
  const message = `the log has ${bytes(logBytes)}, more than its limit of ${bytes(limit.bytes)}`
  const hint = 'It is as long as the slave that is furthest behind needs it: see the topology.'
  return [{ where: name, problem: { code: 'LOG_LIMIT', message, hint, at: new Date().toISOString() }, retryAt: null }]
}
