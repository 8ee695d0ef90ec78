import { createRequire } from 'node:module'
import type { RservEvent } from '@rserv/core'
import { Command as Program, Option } from 'commander'
import { backendResolver } from './backends.ts'
import type { Call, Command } from './command.ts'
import { COMMANDS } from './commands/index.ts'
import type { Parameters } from './connection/parameters.ts'
import { redact } from './connection/redact.ts'
import { resolveDatabase } from './connection/resolve.ts'
import type { Context } from './context.ts'
import { UsageError } from './errors.ts'
import type { OptionName, OptionSpec, OptionValues } from './options.ts'
import { OPTIONS } from './options.ts'
import { json } from './output.ts'
import { flag, text } from './values.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

/** The command line as commander knows it. Passwords that come up are added to `secrets`. */
export function buildProgram(context: Context, secrets: string[]): Program {
  const program = new Program('rserv')
    .description('Asynchronous master-to-slave replication for PostgreSQL, driven by triggers')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (out) => void context.stdout.write(out),
      writeErr: (err) => void context.stderr.write(redact(err, secrets)),
    })
    .showHelpAfterError('(rserv help COMMAND says more)')
    .addHelpText('after', '\nA database is a name, a postgres:// URI or a libpq string such as "host=db1 dbname=shop".')
  for (const command of COMMANDS) program.addCommand(subCommand(program, command, context, secrets))
  return program
}

function subCommand(program: Program, command: Command, context: Context, secrets: string[]): Program {
  const sub = program
    .createCommand(command.name)
    .summary(command.summary)
    .description(command.summary)
    .copyInheritedSettings(program)
  if (command.historic) sub.alias(command.historic)
  for (const argument of command.arguments) sub.argument(argument.name, argument.help)
  for (const name of command.options) sub.addOption(option(name))
  sub.addHelpText('after', `\nExamples:\n${command.examples.map((example) => `  rserv ${example}`).join('\n')}`)
  sub.action(async () => {
    const values = sub.opts<OptionValues>()
    const args = sub.processedArgs.flat() as (string | undefined)[]
    await execute(command, call({ context, args, options: values, secrets }))
  })
  return sub
}

function option(name: OptionName): Option {
  const spec: OptionSpec = OPTIONS[name]
  const made = new Option(spec.flag, spec.default ? `${spec.help} (default: ${spec.default})` : spec.help)
  if (spec.repeat) made.argParser((value: string, before: string[] | undefined) => [...(before ?? []), value])
  return made
}

interface Line {
  readonly context: Context
  readonly args: readonly (string | undefined)[]
  readonly options: OptionValues
  readonly secrets: string[]
}

function call({ context, args, options, secrets }: Line): Call {
  const resolve = async (
    database: string | undefined,
    flags: Parameters,
  ): Promise<Awaited<ReturnType<typeof resolveDatabase>>> => {
    if (database === undefined) throw new UsageError('no database given', 'Name one as the first argument.')
    const config = await resolveDatabase(database, flags, context.env)
    if (typeof config.password === 'string') secrets.push(config.password)
    return config
  }
  const common = flags(options, '')
  return {
    context,
    args,
    options,
    common: { signal: context.signal, onEvent: (event) => tell(event, context, options) },
    backends: backendResolver(context.cwd),
    database: (database) => resolve(database, common),
    side: (side, database) => resolve(database, { ...common, ...flags(options, side) }),
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

function tell(event: RservEvent, context: Context, options: OptionValues): void {
  const wanted =
    event.kind === 'notice' || flag(options, 'debug') || (event.kind === 'progress' && flag(options, 'verbose'))
  if (wanted) context.stderr.write(`${event.message}\n`)
}

async function execute(command: Command, line: Call): Promise<void> {
  const outcome = await command.run(line)
  const { stdout, stderr } = line.context
  if (flag(line.options, 'json')) (outcome.dataOnStdout ? stderr : stdout).write(`${json(outcome.json)}\n`)
  else if (outcome.text !== '')
    (outcome.dataOnStdout ? stderr : stdout).write(outcome.bare ? outcome.text : `${outcome.text}\n`)
}
