import type { TransferResult } from '@rserv/core'
import type { ServiceState } from '@rserv/service'
import type { DemoAbout } from '../demo/about.ts'
import { followed } from '../history/slaves.ts'
import { byId, el, renew, setText } from './dom.ts'
import { counted } from './format.ts'

const NOT_THERE = 'n/a'

/** An answer that says why not. */
interface Refusal {
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null }
}

function entry(id: string): HTMLInputElement {
  return byId<HTMLInputElement>(id)
}

/** The window of 2000. */
export class Demonstration {
  readonly #ended: () => void
  readonly #pressed = new Set<string>()
  #last: Promise<void> = Promise.resolve()
  #missing: string | null = null
  #looks = 0
  #said = 0
  #state: ServiceState | undefined

  private constructor(about: DemoAbout, ended: () => void) {
    this.#ended = ended
    entry('demo-master').value = about.masters[0] ?? ''
    entry('demo-slave').value = about.slaves[0] ?? ''
    renew(
      byId('demo-masters'),
      about.masters.map((name) => el('option', { value: name })),
    )
    renew(
      byId('demo-slaves'),
      about.slaves.map((name) => el('option', { value: name })),
    )
    byId('demo-form').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.#press('update', () => this.#update())
    })
    for (const [id, work] of this.#buttons()) byId(id).addEventListener('click', () => void this.#press(id, work))
    for (const id of ['demo-master', 'demo-slave']) byId(id).addEventListener('change', () => void this.#look())
    entry('demo-slave').addEventListener('input', () => this.#state && this.update(this.#state))
    byId('demo-follow-switch').addEventListener('change', () => void this.#press('follow', () => this.#follow()))
    byId('demo').hidden = false
    document.body.classList.add('with-demo')
    void this.#look()
  }

  /** Null where the server has none. @param ended called when the server is about to end */
  static async start(ended: () => void): Promise<Demonstration | null> {
    const answer = await fetch('api/demo', { cache: 'no-store' }).catch(() => undefined)
    const about = answer?.ok ? ((await answer.json()) as DemoAbout | null) : null
    return about && new Demonstration(about, ended)
  }

  /** Is the slave in the entry followed by itself? */
  update(state: ServiceState): void {
    this.#state = state
    const name = this.#entries().slave
    const slave = followed(state).find((one) => one.slave.name === name)?.slave
    // Before it was connected to, nobody knows whether it rests.
    byId('demo-follow').hidden = slave === undefined || slave.phase === 'connecting'
    if (slave) byId<HTMLInputElement>('demo-follow-switch').checked = slave.phase !== 'paused'
  }

  #buttons(): [string, () => Promise<void>][] {
    return [
      ['demo-replicate', () => this.#replicate()],
      ['demo-show', () => this.#show()],
      ['demo-set-up', () => this.#setUp()],
      ['demo-quit', () => this.#quit()],
    ]
  }

  #entries(): { master: string; slave: string; text: string } {
    return {
      master: entry('demo-master').value.trim(),
      slave: entry('demo-slave').value.trim(),
      text: entry('demo-text').value,
    }
  }

  /** One after another, each button once; what is refused is said. */
  async #press(name: string, work: () => Promise<void>): Promise<void> {
    if (this.#pressed.has(name)) return
    this.#pressed.add(name)
    byId('demo-form').setAttribute('aria-busy', 'true')
    const before = this.#last
    const mine = before.then(() => this.#do(name, work))
    this.#last = mine
    await mine
    this.#pressed.delete(name)
    byId('demo-form').setAttribute('aria-busy', String(this.#pressed.size > 0))
  }

  async #do(name: string, work: () => Promise<void>): Promise<void> {
    this.#say('')
    try {
      await work()
    } catch (error) {
      if (name === 'demo-show') setText(byId('demo-value'), NOT_THERE)
      this.#say(error instanceof Error ? error.message : String(error), true)
      if (name !== 'demo-quit') void this.#look()
    }
  }

  async #update(): Promise<void> {
    const { master, text } = this.#entries()
    const { outcome } = await this.#post<{ outcome: string }>('update')
    this.#say(`“${text}” was ${outcome === 'inserted' ? 'written to' : 'written again on'} ${master}.`)
  }

  async #replicate(): Promise<void> {
    const result = await this.#post<TransferResult>('replicate')
    const rows = result.tables.reduce((sum, { written, deleted }) => sum + written + deleted, 0)
    const what = `${counted(rows, 'row')} in ${counted(result.tables.length, 'table')}, ${result.elapsedMs} ms`
    if (result.outcome === 'applied') this.#say(`Replicated: SyncID ${result.syncId}, ${what}.`)
    else this.#say(`Sync-ed: nothing has changed since SyncID ${result.syncId ?? 'none'}.`)
  }

  async #show(): Promise<void> {
    const { value } = await this.#post<{ value: string | null }>('show')
    setText(byId('demo-value'), value ?? NOT_THERE)
    this.#say(value === null ? `${this.#entries().slave} does not have it.` : '')
  }

  async #setUp(): Promise<void> {
    await this.#post('set-up')
    this.#say('The table test is there on both sides, and is replicated.')
    await this.#look()
  }

  async #follow(): Promise<void> {
    const { checked: on } = byId<HTMLInputElement>('demo-follow-switch')
    const { slave } = this.#entries()
    const { known } = await this.#post<{ known: boolean }>('follow', { on })
    if (!known) return this.#say(`Nobody follows ${slave} here.`, true)
    return this.#say(on ? `${slave} follows by itself.` : `${slave} waits for Replicate.`)
  }

  async #quit(): Promise<void> {
    // What is open would be cut off.
    this.#ended()
    await this.#post('quit')
    const ended = byId('ended')
    ended.hidden = false
    setText(ended, 'rserv has ended. You can close this page.')
    for (const control of document.querySelectorAll<HTMLInputElement>('button, input')) control.disabled = true
    ended.tabIndex = -1
    ended.focus()
  }

  /** Can these two databases show it? Else it is said why not, and offered to be mended. */
  async #look(): Promise<void> {
    const [look, said] = [++this.#looks, this.#said]
    const { missing } = await this.#post<{ missing: string | null }>('look').catch((error: unknown) => ({
      missing: error instanceof Error ? error.message : String(error),
    }))
    // A later look knows better.
    if (look !== this.#looks) return
    byId('demo-set-up').hidden = missing === null
    // Nor may a slow answer take the place of what was said since.
    if (missing !== null && missing !== this.#missing && said === this.#said) this.#say(missing, true)
    this.#missing = missing
  }

  #say(text: string, wrong = false): void {
    this.#said++
    const message = byId('demo-message')
    message.dataset['wrong'] = String(wrong)
    setText(message, text)
  }

  async #post<T>(button: string, more: object = {}): Promise<T> {
    const answer = await fetch(`api/demo/${button}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...this.#entries(), ...more }),
    }).catch(() => {
      throw new Error('rserv does not answer: has it ended?')
    })
    if (answer.ok) return (await answer.json()) as T
    if (answer.status !== 422) throw new Error(`refused: ${answer.status} ${await answer.text()}`)
    const { error } = (await answer.json()) as Refusal
    throw new Error([`${error.message}.`, error.hint].filter(Boolean).join(' '))
  }
}
