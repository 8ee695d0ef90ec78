import type { ServiceState } from '@rserv/service'
import type { Activity } from '../history/activity.ts'
import { activityBetween, remember } from '../history/activity.ts'
import { byId, el, renew } from './dom.ts'
import { time } from './format.ts'

const MOST = 100

/** What happens, newest first: what the server remembers, then what the states show. */
export class ActivityList {
  #items: Activity[]
  #before: ServiceState | null = null

  /** @param past oldest first */
  constructor(past: readonly Activity[]) {
    this.#items = [...past].slice(-MOST)
    this.#show()
  }

  update(state: ServiceState): void {
    // Problems that the first state has are in the past already.
    const now = this.#before ? activityBetween(this.#before, state, new Date().toISOString()) : []
    this.#before = state
    if (now.length === 0) return
    this.#items = remember(this.#items, now, MOST)
    this.#show()
  }

  #show(): void {
    const lines = this.#items
      .toReversed()
      .map(({ at, kind, where, text }) =>
        el(
          'li',
          { 'data-kind': kind },
          el('time', { datetime: at }, time(at)),
          el('p', {}, el('span', { class: 'where' }, where), el('span', { class: 'what' }, text)),
        ),
      )
    renew(byId('activity'), lines.length > 0 ? lines : [el('li', { class: 'empty' }, 'Nothing yet.')])
  }
}
