import { setTimeout as sleep } from 'node:timers/promises'
import { on } from './world.mjs'
import { cli } from './rserv.mjs'

/** Seconds from one blow to the next. */
const [SELDOM, OFTEN] = [16, 6]

/** Restarts every part at random; the same seed chooses the same. */
export class Chaos {
  #world
  #rserv
  #random
  #started
  #say
  /** `{ at: seconds, what }` */
  events = []

  constructor(world, rserv, { seed, started, say }) {
    this.#world = world
    this.#rserv = rserv
    this.#random = randomOf(seed)
    this.#started = started
    this.#say = say
  }

  counts() {
    const counts = {}
    for (const { what } of this.events) counts[what] = (counts[what] ?? 0) + 1
    return counts
  }

  async until(end) {
    // At first all of it is copied.
    await sleep(Math.min(10_000, Math.max(0, end - Date.now())))
    while (Date.now() < end) {
      await this.#blow()
      await sleep(Math.min(1000 * (OFTEN + this.#random() * (SELDOM - OFTEN)), Math.max(0, end - Date.now())))
    }
  }

  #pick(list) {
    return list[Math.floor(this.#random() * list.length)]
  }

  async #blow() {
    const { master, slaves } = this.#world
    const slave = this.#pick(slaves)
    const blows = [
      [3, `slave server ${slave.name} restarted`, () => this.#restart(slave, 'fast')],
      [2, `slave server ${slave.name} crashed`, () => this.#restart(slave, 'immediate')],
      [2, 'master server restarted', () => this.#restart(master, 'fast')],
      [1, 'master server crashed', () => this.#restart(master, 'immediate')],
      [3, 'connections of the master ended', () => this.#terminate(master)],
      [3, `connections of slave ${slave.name} ended`, () => this.#terminate(slave)],
      [1, 'rserv run killed', () => this.#again('SIGKILL')],
      [1, 'rserv run restarted', () => this.#again('SIGTERM')],
      [2, 'configuration read again', () => this.#rserv.signal('SIGHUP')],
      [2, `slave ${slave.name} paused and resumed`, () => this.#pause(slave)],
    ]
    const all = blows.flatMap(([weight, ...blow]) => Array.from({ length: weight }, () => blow))
    const [what, strike] = this.#pick(all)
    this.events.push({ at: (Date.now() - this.#started) / 1000, what })
    this.#say(what)
    await strike()
  }

  async #restart({ server }, mode) {
    await server.stop(mode, { keepFolder: true })
    await sleep(500 + this.#random() * 7000)
    await server.start()
  }

  async #terminate(node) {
    const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'rserv%'`
    await on(node, (client) => client.query(sql))
  }

  async #again(signal) {
    await this.#rserv.stop(signal)
    await sleep(this.#random() * 3000)
    this.#rserv.start()
  }

  async #pause({ name }) {
    const { uri } = this.#world.master
    try {
      cli('pause', uri, name)
      await sleep(this.#random() * 6000)
      cli('resume', uri, name)
    } catch (error) {
      // It is not known before its first transfer.
      this.#say(String(error.message).trim())
    }
  }
}

/** mulberry32 */
function randomOf(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
