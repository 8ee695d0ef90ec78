import type { Context } from 'node:vm'
import { createContext, runInContext } from 'node:vm'
import type { TypedColumn } from './values.ts'
import { toPlv8 } from './values.ts'

/** A trigger call as the server reports it. */
export interface TriggerCall {
  /** Session of the server. */
  readonly pid: number
  readonly fn: string
  readonly op: string
  readonly when: string
  readonly level: string
  readonly new: readonly (string | null)[] | null
  readonly old: readonly (string | null)[] | null
}

/** A statement that the body ran. */
export interface Executed {
  readonly sql: string
  readonly parameters: readonly string[]
}

/** The text of a function's body, and the columns that its rows have. */
export interface FunctionText {
  readonly body: string
  readonly columns: readonly TypedColumn[]
}

/**
 * Runs bodies of PLV8 functions in this process's V8. Each session of the server has a global object of its own, which
 * no rollback touches. Statements are collected and run by the server when the body has ended: a body that needs
 * their results cannot be run here.
 */
export class Plv8Engine {
  readonly #functions = new Map<string, FunctionText>()
  readonly #sessions = new Map<number, Context>()
  /** Of the call that runs; plans outlive the call that prepared them. */
  #executed: Executed[] = []

  define(name: string, text: FunctionText): void {
    this.#functions.set(name, text)
  }

  /** What plv8_reset() does. */
  reset(pid: number): void {
    this.#sessions.delete(pid)
  }

  call(call: TriggerCall): Executed[] {
    const text = this.#functions.get(call.fn)
    if (!text) throw new Error(`no function ${call.fn}`)
    const executed: Executed[] = []
    this.#executed = executed
    const context = this.#context(call.pid)
    const row = (values: readonly (string | null)[] | null): unknown => values && rowOf(values, text.columns, context)
    const globals = {
      plv8: api((statement) => this.#executed.push(statement)),
      NEW: row(call.new),
      OLD: row(call.old),
      TG_OP: call.op,
      TG_WHEN: call.when,
      TG_LEVEL: call.level,
    }
    const names = Object.keys(globals).join(', ')
    const compiled = runInContext(`(function (${names}) {${text.body}\n})`, context) as (
      ...values: unknown[]
    ) => unknown
    compiled(...Object.values(globals))
    return executed
  }

  #context(pid: number): Context {
    const known = this.#sessions.get(pid)
    if (known) return known
    // PLV8 has none of Node's globals; a new context has only the language's.
    const made = createContext({})
    this.#sessions.set(pid, made)
    return made
  }
}

function rowOf(
  values: readonly (string | null)[],
  columns: readonly TypedColumn[],
  context: Context,
): Record<string, unknown> {
  return Object.fromEntries(
    columns.map((column, index) => [column.name, toPlv8(values[index] ?? null, column, context)]),
  )
}

function api(run: (statement: Executed) => void): object {
  const execute = (sql: string, parameters: readonly unknown[] = []): number => {
    run({ sql, parameters: parameters.map(text) })
    return 0
  }
  return {
    version: '3.2.2',
    execute,
    prepare: (sql: string) => ({
      execute: (parameters: readonly unknown[]) => execute(sql, parameters),
      free: () => undefined,
    }),
    elog: () => undefined,
  }
}

/** Strings are what PLV8 hands over exactly for every type. */
function text(parameter: unknown): string {
  if (typeof parameter !== 'string') throw new TypeError('a parameter is not a string')
  return parameter
}
