import { spawn, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'

const CLIENTS = 4
const RUN_SECONDS = 15

/** pgbench where it is installed, else the same transactions from here; begun again whenever the master was away. */
export class Load {
  #config
  #rate
  #usesPgbench = spawnSync('pgbench', ['--version']).status === 0
  #stopped = false
  #transactions = 0
  #interrupted = 0
  #workers

  constructor({ master }, rate) {
    this.#config = master.server.config()
    this.#rate = rate
    this.#workers = this.#usesPgbench
      ? [this.#again(() => this.#pgbench())]
      : Array.from({ length: CLIENTS }, () => this.#again(() => this.#client()))
  }

  figures() {
    const by = this.#usesPgbench ? 'pgbench' : 'the same transactions, without pgbench'
    return { by, rate: this.#rate, transactions: this.#transactions, interrupted: this.#interrupted }
  }

  async stop() {
    this.#stopped = true
    await Promise.all(this.#workers)
  }

  async #again(work) {
    while (!this.#stopped) {
      await work().catch(() => this.#interrupted++)
      if (!this.#stopped) await sleep(300)
    }
  }

  async #pgbench() {
    const { host, port, user, password } = this.#config
    const where = ['-h', host, '-p', String(port), '-U', user]
    const how = ['-n', '-c', String(CLIENTS), '-T', String(RUN_SECONDS), '-R', String(this.#rate), '-s', '2']
    const child = spawn('pgbench', [...where, ...how, 'postgres'], {
      env: { ...process.env, PGPASSWORD: password },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    let text = ''
    child.stdout.on('data', (data) => (text += data))
    const code = await new Promise((resolve) => child.once('close', resolve))
    const [, done = '0'] = /actually processed: (\d+)/.exec(text) ?? []
    this.#transactions += Number(done)
    if (code !== 0) this.#interrupted++
  }

  async #client() {
    const client = new pg.Client(this.#config)
    client.on('error', () => undefined)
    await client.connect()
    try {
      while (!this.#stopped) {
        await transaction(client)
        this.#transactions++
        await sleep((1000 * CLIENTS) / this.#rate)
      }
    } finally {
      await client.end().catch(() => undefined)
    }
  }
}

async function transaction(client) {
  const [aid, tid, bid] = [200_000, 20, 2].map((most) => 1 + Math.floor(Math.random() * most))
  const delta = Math.floor(Math.random() * 10_000) - 5000
  await client.query('begin')
  await client.query('update pgbench_accounts set abalance = abalance + $1 where aid = $2', [delta, aid])
  await client.query('update pgbench_tellers set tbalance = tbalance + $1 where tid = $2', [delta, tid])
  await client.query('update pgbench_branches set bbalance = bbalance + $1 where bid = $2', [delta, bid])
  const insert = 'insert into pgbench_history (tid, bid, aid, delta, mtime) values ($1, $2, $3, $4, now())'
  await client.query(insert, [tid, bid, aid, delta])
  await client.query('commit')
}
