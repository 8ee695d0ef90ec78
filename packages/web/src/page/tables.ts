import type { CopyState, MasterState, ServiceState, SlaveState, SlaveTableState } from '@rserv/service'
import { el, renew } from './dom.ts'
import { bytes, count, counted, seconds, tableName } from './format.ts'
import { badge } from './topology.ts'

/** Rows drawn at most, a master: a browser is slow with thousands, and so is a reader. */
const MOST = 200

interface TableRow {
  readonly key: string
  readonly name: string
  readonly logRows: number | null
  readonly logBytes: number | null
  /** One for every slave of the master; undefined where it does not take the table. */
  readonly slaves: readonly (SlaveTableState | undefined)[]
}

/** Draws every table with its log on the master and its state on each slave. */
export function showTables(container: Element, { masters }: ServiceState, filter: string): void {
  const shown = masters.filter((master) => rowsOf(master).length > 0).map((master) => part(master, filter, masters))
  renew(container, shown.length > 0 ? shown : [el('p', { class: 'empty' }, 'No table is replicated yet.')])
}

function part(master: MasterState, filter: string, masters: readonly MasterState[]): HTMLElement {
  const wanted = filter.trim().toLowerCase()
  const rows = rowsOf(master)
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .toSorted((a, b) => attention(b) - attention(a) || (a.name < b.name ? -1 : 1))
  const left = rows.length - MOST
  return el(
    'div',
    { class: 'table-scroll', role: 'region', tabindex: '0', 'aria-label': `Tables of ${master.name}` },
    masters.length > 1 ? el('h4', {}, master.name) : null,
    rows.length === 0
      ? el('p', { class: 'empty' }, 'No table has this in its name.')
      : grid(master.slaves, rows.slice(0, MOST)),
    left > 0 ? el('p', { class: 'empty' }, `and ${counted(left, 'table')} more: filter by name`) : null,
  )
}

// Laid out in blocks on a narrow screen, a table keeps its meaning only where its roles are named.
function grid(slaves: readonly SlaveState[], rows: readonly TableRow[]): HTMLElement {
  const heads = ['Table', 'Log rows', 'Log size', ...slaves.map(({ name }) => name)]
  const head = el('tr', { role: 'row' }, ...heads.map((text) => el('th', { scope: 'col', role: 'columnheader' }, text)))
  return el(
    'table',
    { class: 'tables', role: 'table' },
    el('thead', { role: 'rowgroup' }, head),
    el('tbody', { role: 'rowgroup' }, ...rows.map((row) => line(row, slaves))),
  )
}

function line({ name, logRows, logBytes, slaves: states }: TableRow, slaves: readonly SlaveState[]): HTMLElement {
  return el(
    'tr',
    { role: 'row' },
    el('th', { scope: 'row', role: 'rowheader' }, name),
    numberCell('Log rows', count(logRows)),
    numberCell('Log size', bytes(logBytes)),
    ...states.map((state, index) =>
      el('td', { role: 'cell', 'data-label': slaves[index]?.name ?? '' }, el('div', { class: 'cell' }, ...cell(state))),
    ),
  )
}

function numberCell(label: string, text: string): HTMLElement {
  return el('td', { role: 'cell', class: 'number', 'data-label': label }, text)
}

const STATES: Record<SlaveTableState['state'], { phase: string; text: string }> = {
  new: { phase: 'connecting', text: 'to be copied' },
  copying: { phase: 'copying', text: 'copying' },
  synced: { phase: 'in-sync', text: 'synced' },
  assumed: { phase: 'in-sync', text: 'assumed synced' },
  parked: { phase: 'retrying', text: 'parked' },
}

function cell(state: SlaveTableState | undefined): HTMLElement[] {
  if (!state) return [el('span', { class: 'quiet' }, 'not taken')]
  const known = STATES[state.state] ?? { phase: 'connecting', text: state.state }
  const parts = [badge(known.phase, known.text)]
  if (state.copy) parts.push(...progress(state.copy))
  else if (state.rowsBehind !== null && state.rowsBehind > 0) parts.push(el('span', {}, waiting(state)))
  if (state.error) parts.push(el('span', { class: 'quiet' }, state.error.message))
  return parts
}

function waiting({ rowsBehind, keysBehind }: SlaveTableState): string {
  const keys = keysBehind ? `, ${counted(keysBehind, 'key')}` : ''
  return `${counted(rowsBehind ?? 0, 'row')}${keys} waiting`
}

function progress({ rowsDone, rowsTotal, bytesDone, bytesTotal, etaSeconds }: CopyState): HTMLElement[] {
  const [done, total] = bytesTotal ? [bytesDone, bytesTotal] : [rowsDone, rowsTotal]
  const rows =
    rowsTotal === null ? counted(rowsDone, 'row') : `${count(rowsDone)} of about ${counted(rowsTotal, 'row')}`
  const size = bytesTotal === null ? bytes(bytesDone) : `${bytes(bytesDone)} of ${bytes(bytesTotal)}`
  const left = etaSeconds === null ? '' : `, ${seconds(etaSeconds)} left`
  const bar = total
    ? el('progress', { max: String(total), value: String(Math.min(done, total)), 'aria-label': 'copied' })
    : el('progress', { 'aria-label': 'copied' })
  return [bar, el('span', { class: 'quiet' }, `${rows}, ${size}${left}`)]
}

function keyOf({ schema, name }: { schema: string; name: string }): string {
  return JSON.stringify([schema, name])
}

function rowsOf(master: MasterState): TableRow[] {
  const rows = new Map<string, { schema: string; name: string }>()
  for (const table of [...master.tables, ...master.slaves.flatMap(({ tables }) => tables)])
    rows.set(keyOf(table), table)
  const logs = new Map(master.tables.map((table) => [keyOf(table), table]))
  const states = master.slaves.map(({ tables }) => new Map(tables.map((table) => [keyOf(table), table])))
  return [...rows].map(([at, table]) => ({
    key: at,
    name: tableName(table),
    logRows: logs.get(at)?.logRows ?? null,
    logBytes: logs.get(at)?.logBytes ?? null,
    slaves: states.map((one) => one.get(at)),
  }))
}

/** What somebody should see comes first. */
function attention({ slaves }: TableRow): number {
  const states = slaves.map((table) => table?.state)
  if (states.includes('parked')) return 3
  if (states.includes('copying')) return 2
  return states.includes('new') ? 1 : 0
}
