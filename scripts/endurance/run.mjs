import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { lagChart } from './chart.mjs'
import { Chaos } from './chaos.mjs'
import { openWorld } from './world.mjs'
import { Load } from './load.mjs'
import { Rserv } from './rserv.mjs'
import { Sampling } from './sampling.mjs'
import { settle } from './settle.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    rate: { type: 'string', default: '150' },
    out: { type: 'string' },
    major: { type: 'string', default: '18' },
  },
})
const minutes = Number(values.minutes)
const out = values.out ?? mkdtempSync(join(tmpdir(), 'rserv-endurance-'))
mkdirSync(out, { recursive: true })
const started = Date.now()
const say = (text) => console.log(`${((Date.now() - started) / 1000).toFixed(0).padStart(5)} s  ${text}`)

say(`${minutes} minutes, seed ${values.seed}, results in ${out}`)
const world = await openWorld({ major: Number(values.major), folder: out })
const rserv = new Rserv(world, out)
let failed
try {
  rserv.start()
  const load = new Load(world, Number(values.rate))
  say(`load by ${load.figures().by}`)
  const sampling = new Sampling(world, rserv, started)
  const chaos = new Chaos(world, rserv, { seed: Number(values.seed), started, say })
  const end = started + minutes * 60_000
  await Promise.race([chaos.until(end), rserv.crashed])
  await load.stop()
  say('the load has ended; waiting for equal sides')
  const result = await settle(world, rserv, say)
  await sampling.stop()
  const figures = {
    minutes: (Date.now() - started) / 60_000,
    seed: Number(values.seed),
    major: Number(values.major),
    load: load.figures(),
    restarts: chaos.counts(),
    lag: sampling.lagFigures(),
    memory: sampling.memoryFigures(),
    ...result,
  }
  writeFileSync(join(out, 'endurance.json'), `${JSON.stringify({ ...figures, events: chaos.events }, null, 2)}\n`)
  writeFileSync(join(out, 'lag.svg'), lagChart(sampling.lags, chaos.events))
  console.log(JSON.stringify(figures, null, 2))
  failed = result.equal ? undefined : 'the sides differ'
} catch (error) {
  failed = error instanceof Error ? (error.stack ?? error.message) : String(error)
} finally {
  await rserv.end()
  await sleep(100)
  await world.close()
}
say(failed === undefined ? 'equal sides' : `FAILED: ${failed}`)
process.exit(failed === undefined ? 0 : 1)
