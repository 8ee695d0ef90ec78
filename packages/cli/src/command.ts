import type { BackendResolver, CommonOptions } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Parameters } from './connection/parameters.ts'
import type { Context } from './context.ts'
import type { OptionName, OptionValues } from './options.ts'

interface ArgumentSpec {
  /** As commander writes it: `<db>`, `[columns]`, `[slaves...]`. */
  readonly name: string
  readonly help: string
}

/** What a command has to say when it is done. */
export interface Outcome {
  /** The result as a document, for --json; undefined: it has been told already. */
  readonly json: unknown
  /** The result for people; nothing is printed where it is empty. */
  readonly text: string
  /** Without a newline at its end, for use in a shell substitution. */
  readonly bare?: boolean
  /** The command did its work and found problems: exit code 1. */
  readonly failed?: boolean
}

/** One run of a command. */
export interface Call {
  readonly context: Context
  /** As it was typed: the command's name, or its historic one. */
  readonly invokedAs: string
  readonly args: readonly (string | undefined)[]
  readonly options: OptionValues
  /** Passed to every operation of core. */
  readonly common: CommonOptions
  readonly backends: BackendResolver
  /** Blackens the passwords that came up in a text that people will see. */
  hide(text: string): string
  /** The only database of a command. @throws UsageError */
  database(text: string | undefined): Promise<ClientConfig>
  /** One of two: --masterhost and the like win over --host. @throws UsageError */
  side(side: 'master' | 'slave', text: string | undefined): Promise<ClientConfig>
  /** What --host, --masterhost and the like say of a side. */
  sideFlags(side: 'master' | 'slave'): Parameters
  /** The environment in which PostgreSQL's own programs connect to the master. @throws UsageError */
  masterEnvironment(text: string): Readonly<Record<string, string | undefined>>
  /** Standard output takes data from now on: what the command has to say goes to standard error. */
  dataOnStdout(): NodeJS.WritableStream
}

export interface Command {
  /** kebab-case */
  readonly name: string
  /** The name of the year 2000, where there was one. */
  readonly historic?: string
  readonly summary: string
  /** What a user must know besides, for the command's help. */
  readonly details?: string
  readonly arguments: readonly ArgumentSpec[]
  readonly options: readonly OptionName[]
  /** Flags that somebody may expect from another program and that are refused, each with its reason. */
  readonly refuses?: readonly { readonly flag: string; readonly message: string; readonly hint: string }[]
  /** Command lines without the leading `rserv `. */
  readonly examples: readonly string[]
  run(call: Call): Promise<Outcome>
}
