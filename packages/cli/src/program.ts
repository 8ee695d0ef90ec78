import { createRequire } from 'node:module'
import { Command as Program, Option } from 'commander'
import type { ClientConfig } from 'pg'
import { backendResolver } from './backends.ts'
import type { Call, Command } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import type { Parameters } from './connection/parameters.ts'
import { redact } from './connection/redact.ts'
import { libpqEnvironment, resolveDatabase } from './connection/resolve.ts'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import { EXIT_CODES } from './exit-codes.ts'
import type { EventReporter } from './events.ts'
import { eventReporter } from './events.ts'
import type { OptionName, OptionSpec, OptionValues } from './options.ts'
import { OPTIONS } from './options.ts'
import { json } from './output.ts'
import type { RunState } from './report.ts'
import { flag, text } from './values.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** The command line as commander knows it. What becomes known of the run is put into `state`. */
export function buildProgram(context: Context, state: RunState): Program {
  const program = new Program('rserv')
    .description('Asynchronous master-to-slave replication for PostgreSQL, driven by triggers')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (out) => void context.stdout.write(out),
      writeErr: (err) => void context.stderr.write(redact(err, state.secrets)),
      outputError: (message, write) => write(message.replace(/^error: /, 'rserv: ')),
    })
    .showHelpAfterError('(rserv help COMMAND says more)')
    .addHelpText('after', '\nA database is a name, a postgres:// URI or a libpq string such as "host=db1 dbname=shop".')
    .addHelpText('after', `\nExit codes:\n${EXIT_CODES.map(({ code, means }) => `  ${code}  ${means}`).join('\n')}`)
  for (const command of COMMANDS) program.addCommand(subCommand(program, command, context, state))
  return program
}

function subCommand(program: Program, command: Command, context: Context, state: RunState): Program {
  const sub = program
    .createCommand(command.name)
    .summary(command.summary)
    .description(command.details ? `${command.summary}\n\n${command.details}` : command.summary)
    .copyInheritedSettings(program)
  if (command.historic) sub.alias(command.historic)
  for (const argument of command.arguments) sub.argument(argument.name, argument.help)
  for (const name of command.options) sub.addOption(option(name))
  for (const { flag: refused, message, hint } of command.refuses ?? []) {
    const refuse = (): never => {
      throw new UsageError(message, hint)
    }
    sub.addOption(new Option(refused).hideHelp().argParser(refuse))
  }
  sub.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  rserv ${example}`).join('\n')}`)
  sub.action(async () => {
    const values = sub.opts<OptionValues>()
    const args = sub.processedArgs.flat() as (string | undefined)[]
    await execute(command, { context, args, options: values, state })
  })
  return sub
}

function option(name: OptionName): Option {
  const spec: OptionSpec = OPTIONS[name]
  const notes = [spec.env && `env: ${spec.env}`, spec.default && `default: ${spec.default}`].filter(Boolean).join(', ')
  const made = new Option(spec.flag, notes ? `${spec.help} (${notes})` : spec.help)
  if (spec.repeat) made.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  return made
}

interface Line {
  readonly context: Context
  readonly args: readonly (string | undefined)[]
  readonly options: OptionValues
  readonly state: RunState
}

async function execute(command: Command, line: Line): Promise<void> {
  const { options, state } = line
  const events = eventReporter(line.context, options, (message) => redact(message, state.secrets))
  const context = { ...line.context, stdout: clearedBefore(line.context.stdout, events) }
  try {
    const outcome = await command.run(call({ ...line, context }, events))
    events.clear()
    state.failed = outcome.failed ?? false
    const stream = state.dataOnStdout ? context.stderr : context.stdout
    if (flag(options, 'json')) stream.write(outcome.json === undefined ? '' : `${json(outcome.json)}\n`)
    else if (outcome.text !== '') stream.write(outcome.bare ? outcome.text : `${outcome.text}\n`)
  } finally {
    events.clear()
  }
}

/** On a terminal progress lines are taken away before anything is printed. */
function clearedBefore(stdout: Context['stdout'], events: EventReporter): Context['stdout'] {
  if (!stdout.isTTY) return stdout
  const write = (chunk: string): boolean => {
    events.clear()
    return stdout.write(chunk)
  }
  return Object.create(stdout, { write: { value: write } }) as Context['stdout']
}

function call({ context, args, options, state }: Line, events: EventReporter): Call {
  const warn = (message: string): void => events.tell({ kind: 'notice', message })
  const resolve = async (database: string | undefined, given: Parameters): Promise<ClientConfig> => {
    if (database === undefined) throw new UsageError('no database given', 'Name one as the first argument.')
    const config = await resolveDatabase(database, given, { env: context.env, warn })
    const { password } = config
    if (typeof password === 'string' && !state.secrets.includes(password)) state.secrets.push(password)
    return config
  }
  const common = flags(options, '')
  return {
    context,
    invokedAs: state.argv[0] ?? '',
    args,
    options,
    common: { signal: context.signal, onEvent: events.tell },
    backends: backendResolver(context.cwd),
    database: (database) => resolve(database, common),
    sideFlags: (side) => ({ ...common, ...flags(options, side) }),
    side: (side, database) => resolve(database, { ...common, ...flags(options, side) }),
    hide: (message) => redact(message, state.secrets),
    masterEnvironment: (database) =>
      libpqEnvironment(database, { ...common, ...flags(options, 'master') }, { env: context.env }),
    dataOnStdout: () => {
      state.dataOnStdout = true
      return context.stdout
    },
  }
}

/** Connection parameters from --host, --port, …, or --masterhost, … */
function flags(options: OptionValues, prefix: '' | 'master' | 'slave'): Parameters {
  const given: Parameters = {}
  for (const name of ['host', 'port', 'user', 'password'] as const) {
    const value = text(options, `${prefix}${name}`)
    if (value !== undefined) given[name] = value
  }
  return given
}
