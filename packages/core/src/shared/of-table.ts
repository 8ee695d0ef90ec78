import { RservError } from './errors.ts'
import type { QualifiedName } from './names.ts'
import { displayName } from './names.ts'

/** What goes wrong with a table says with which one: in the error's `table`, and in its text. */
export function errorOfTable(error: unknown, table: QualifiedName): unknown {
  if (!(error instanceof RservError) || error.table !== undefined) return error
  const { code, message, hint, side, sqlState } = error
  const name = displayName(table)
  const named = message.includes(name) ? message : `${name}: ${message}`
  return new RservError(code, named, { hint, side, sqlState, table, cause: error })
}

/** Does something with a table; see `errorOfTable`. */
export async function ofTable<Result>(table: QualifiedName, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw errorOfTable(error, table)
  }
}
