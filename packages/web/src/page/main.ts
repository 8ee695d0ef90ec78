import type { ServiceState } from '@rserv/service'
import { phaseText } from '../history/activity.ts'
import { EVERY_SECONDS, LagSeries } from '../history/lag-series.ts'
import type { History } from '../history/history.ts'
import { followed } from '../history/slaves.ts'
import { ActivityList } from './activity-list.ts'
import { Demonstration } from './demo.ts'
import { byId, setText } from './dom.ts'
import { counted } from './format.ts'
import { LagChart } from './lag-chart.ts'
import type { Connection } from './live.ts'
import { Live } from './live.ts'
import { showProblems } from './problems.ts'
import { showTables } from './tables.ts'
import { showTopology } from './topology.ts'

const CONNECTIONS: Record<Connection, string> = {
  connecting: 'connecting',
  live: 'live',
  polling: 'every 2 s',
  lost: 'no answer: trying again',
}

async function get<T>(path: string, otherwise: T): Promise<T> {
  const answer = await fetch(path, { cache: 'no-store' }).catch(() => undefined)
  return answer?.ok ? ((await answer.json()) as T) : otherwise
}

async function main(): Promise<void> {
  const history = await get<History>('api/history', {
    now: Date.now() / 1000,
    lag: { times: [], slaves: {} },
    activity: [],
  })
  const clockAhead = history.now - Date.now() / 1000
  const series = new LagSeries(history.lag)
  const chart = new LagChart(series)
  const activity = new ActivityList(history.activity)
  const demo = await Demonstration.start(() => live.end())
  let latest: ServiceState | undefined
  const tables = (): void => {
    if (latest) showTables(byId('tables'), latest, byId<HTMLInputElement>('table-filter').value)
  }
  byId('table-filter').addEventListener('input', tables)
  const show = (state: ServiceState): void => {
    latest = state
    summarise(state, showProblems(state))
    showTopology(byId('topology'), state)
    tables()
    chart.names(state)
    activity.update(state)
    demo?.update(state)
  }
  let connection: Connection = 'connecting'
  const live = new Live({
    state: show,
    connection: (now) => {
      connection = now
      showConnection(now)
    },
  })
  // A service in which nothing changes sends nothing; time goes on.
  const sample = (): void => {
    if (series.add(Date.now() / 1000 + clockAhead, connection === 'lost' ? null : (latest ?? null))) chart.update()
  }
  setInterval(sample, (EVERY_SECONDS * 1000) / 4)
}

function showConnection(connection: Connection): void {
  const element = byId('connection')
  element.dataset['state'] = connection
  setText(element, CONNECTIONS[connection])
}

function summarise(state: ServiceState, problems: number): void {
  const slaves = followed(state)
  const phases = new Map<string, number>()
  for (const { slave } of slaves) {
    const up = slave.phase === 'in-sync' || slave.phase === 'catching-up'
    const name = up ? 'up' : phaseText(slave.phase)
    phases.set(name, (phases.get(name) ?? 0) + 1)
  }
  const parts = [...phases].map(([name, number]) => `${number} ${name}`)
  setText(byId('summary'), [counted(slaves.length, 'slave'), parts.join(', ')].filter(Boolean).join(': '))
  document.title = problems > 0 ? `(${problems}) rserv` : 'rserv'
}

await main()
