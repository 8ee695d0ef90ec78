import type { DdlOptions, DdlResult } from '@rserv/core'
import { ddl } from '@rserv/core'
import type { Pair } from '../support/pair.ts'
import { backends, replicatedPair } from '../support/pair.ts'

/** Runs a script on the master, and on the slave unless it is not to be named. */
export function runScript(
  pair: Pair,
  script: string | undefined,
  options: Partial<DdlOptions> & { alone?: boolean } = {},
): Promise<DdlResult> {
  const { alone, ...rest } = options
  return ddl(pair.master.config, alone ? [] : [pair.slave.config], { script, backends, ...rest })
}

export const T = 'create table t (id int primary key, v text)'
export const FILL = `insert into t select i, 'v' || i from generate_series(1, 20) i`
export const CHANGE = `update t set v = v || '!' where id % 3 = 0; delete from t where id % 7 = 0; insert into t values (100, 'new')`

export async function filledPair(ddlText = T, fill = FILL): Promise<Pair> {
  const pair = await replicatedPair(ddlText)
  await pair.master.query(fill)
  await pair.sync()
  return pair
}

/** Tables that were copied whole. */
export function copies(result: { tables: readonly { mode: string; table: { name: string } }[] }): string[] {
  return result.tables.filter(({ mode }) => mode === 'copy').map(({ table }) => table.name)
}
