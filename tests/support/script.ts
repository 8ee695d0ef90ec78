import type { TransferResult } from '@rserv/core'
import { testMajor } from '@rserv/test-utils'
import type { Pair } from './pair.ts'
import { replicatedPair } from './pair.ts'

/** A hard case as a table entry: what happens on the master between transfers. */
export interface CaseScript {
  readonly name: string
  /** Run on both sides, unless the slave has its own. */
  readonly ddl: string
  readonly slaveDdl?: string
  /** Tables to replicate; default all. */
  readonly tables?: readonly string[]
  /** Tables compared after each step, as SQL. */
  readonly compare: readonly string[]
  /** SQL for the master; `$$` works, several statements run as one transaction unless they say otherwise. */
  readonly steps: readonly string[]
  /** Run on the slave before the step of the same number is transferred. */
  readonly slaveSteps?: Readonly<Record<number, string>>
  /** Oldest major version that knows the statements; default 14. */
  readonly since?: number
}

/** Scripts that the server under test can run. */
export function runnable(scripts: readonly CaseScript[]): CaseScript[] {
  return scripts.filter((script) => testMajor() >= (script.since ?? 14))
}

/** A pair with the script's tables, synced. */
export function scriptPair({ ddl, slaveDdl, tables }: CaseScript): Promise<Pair> {
  return replicatedPair(ddl, {
    label: 'case',
    ...(slaveDdl ? { slaveDdl } : {}),
    ...(tables ? { tables: [...tables] } : {}),
  })
}

/** Plays a script: after every step both sides must be equal. */
export async function playScript(pair: Pair, script: CaseScript): Promise<TransferResult[]> {
  const results: TransferResult[] = []
  for (const [index, step] of script.steps.entries()) {
    await pair.master.query(step)
    const onSlave = script.slaveSteps?.[index]
    if (onSlave) await pair.slave.query(onSlave)
    results.push(await pair.syncAndCompare(...script.compare))
  }
  return results
}
