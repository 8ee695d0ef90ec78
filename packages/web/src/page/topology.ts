import type { MasterState, ServiceState, SlaveState } from '@rserv/service'
import { phaseText } from '../history/activity.ts'
import { el, renew } from './dom.ts'
import { bytes, count, counted, seconds, time } from './format.ts'

/** Draws masters, their slaves, and how far each is. */
export function showTopology(container: Element, { masters }: ServiceState): void {
  const empty = el('p', { class: 'empty' }, 'No master is configured.')
  renew(container, masters.length === 0 ? [empty] : masters.map(masterTree))
}

function masterTree(master: MasterState): HTMLElement {
  const slaves = master.slaves.map(slaveNode)
  return el(
    'div',
    { class: 'tree' },
    masterNode(master),
    slaves.length === 0
      ? el('p', { class: 'empty' }, 'No slave.')
      : el('ul', { class: 'slaves', 'aria-label': `Slaves of ${master.name}` }, ...slaves),
  )
}

function masterNode(master: MasterState): HTMLElement {
  const limit = master.logLimit ? ` of ${bytes(master.logLimit.bytes)}` : ''
  return el(
    'article',
    { class: 'node master' },
    el('h4', {}, master.name),
    el('p', { class: 'database' }, master.database),
    badge(master.connected ? 'in-sync' : 'retrying', master.connected ? 'connected' : 'not connected'),
    facts([
      ['Log', master.logRows === null ? '–' : counted(master.logRows, 'row'), `${bytes(master.logBytes)}${limit}`],
      ['Cleaned', master.cleanedAt ? time(master.cleanedAt) : '–'],
    ]),
  )
}

function slaveNode(slave: SlaveState): HTMLElement {
  return el(
    'li',
    { class: 'slave', 'data-phase': slave.phase },
    el(
      'article',
      { class: 'node' },
      el('h4', {}, slave.name),
      el('p', { class: 'database' }, slave.database),
      badge(slave.phase, phaseText(slave.phase)),
      facts([position(slave), behind(slave), catchingUp(slave), last(slave), sinceStart(slave)]),
    ),
  )
}

/** What it is called, the value, and what one may want to know besides. */
type Fact = readonly [name: string, value: string, more?: string]

function position({ syncId, appliedAt }: SlaveState): Fact {
  return ['Position', syncId === null ? 'none yet' : `sync ${syncId}`, appliedAt ? time(appliedAt) : '']
}

function behind({ secondsBehind, rowsBehind, keysBehind }: SlaveState): Fact {
  if (rowsBehind === 0) return ['Behind', 'nothing']
  const keys = keysBehind ? `, ${counted(keysBehind, 'key')}` : ''
  return ['Behind', seconds(secondsBehind), rowsBehind === null ? '' : `${counted(rowsBehind, 'row')}${keys}`]
}

function catchingUp({ etaSeconds, rowsPerSecond, throttle }: SlaveState): Fact {
  const rate = rowsPerSecond ? `${count(rowsPerSecond)} rows/s` : ''
  return ['Catches up in', seconds(etaSeconds), [rate, throttle ? 'throttled' : ''].filter(Boolean).join(', ')]
}

function last({ last: transfer }: SlaveState): Fact {
  if (transfer === null) return ['Last transfer', '–']
  return ['Last transfer', counted(transfer.rows, 'row'), `${bytes(transfer.bytes)}, ${count(transfer.elapsedMs)} ms`]
}

function sinceStart({ totals }: SlaveState): Fact {
  return ['Since the start', counted(totals.rows, 'row'), counted(totals.failures, 'failure')]
}

/** A phase with its sign: never told by colour alone. */
export function badge(phase: string, text: string): HTMLElement {
  return el('span', { class: 'badge', 'data-phase': phase }, text)
}

function facts(all: readonly Fact[]): HTMLElement {
  const fact = ([name, value, more]: Fact): HTMLElement =>
    el(
      'div',
      {},
      el('dt', {}, name),
      el('dd', {}, value),
      more === undefined || more === '' ? null : el('dd', { class: 'more' }, more),
    )
  return el('dl', { class: 'facts' }, ...all.map(fact))
}
