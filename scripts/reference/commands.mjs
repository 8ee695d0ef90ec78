import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../workspace.mjs'
import { code, head, plain, sentence, table } from './markdown.mjs'

const DIST = join(ROOT, 'packages', 'cli', 'dist')
const load = (path) => import(pathToFileURL(join(DIST, path)).href)

/** Sets of options that many commands share, told once. */
async function sets() {
  const { EVERYWHERE, ONE_DATABASE, TWO_DATABASES } = await load('options.js')
  return [
    { title: 'Every command', options: EVERYWHERE },
    { title: 'Connecting to a database', options: ONE_DATABASE },
    {
      title: 'Connecting to a master and a slave',
      options: TWO_DATABASES.filter((name) => !ONE_DATABASE.includes(name)),
      intro: 'They win over `--host` and the like, which hold for both sides.',
    },
  ]
}

function optionRow({ flag, help, env, default: byDefault, repeat }) {
  const again = repeat ? '; may be given several times' : ''
  return [code(flag), `${plain(help)}${again}`, env ? code(env) : '', byDefault ? plain(byDefault) : '']
}

/** docs/reference/commands.md */
export async function commandsPage() {
  const [{ COMMANDS }, { OPTIONS }, { EXIT_CODES }, shared] = await Promise.all([
    load('commands/index.js'),
    load('options.js'),
    load('exit-codes.js'),
    sets(),
  ])
  const isShared = (name) => shared.some(({ options }) => options.includes(name))
  const sections = COMMANDS.flatMap((command) => [
    '',
    `## ${command.name}`,
    '',
    sentence(plain(command.summary)),
    ...(command.historic
      ? ['', `The name of 2000: ${code(command.historic)}, as \`rserv ${command.historic}\` and as an executable.`]
      : []),
    '',
    '```',
    `rserv ${[command.name, ...command.arguments.map(({ name }) => name)].join(' ')} [options]`,
    '```',
    ...(command.details ? ['', sentence(plain(command.details))] : []),
    '',
    ...table(
      ['argument', 'is'],
      command.arguments.map(({ name, help }) => [code(name), plain(help)]),
    ),
    ...ownOptions(
      command.options.filter((name) => !isShared(name)),
      OPTIONS,
    ),
    '',
    sharedOptions(command, shared),
    '',
    '```sh',
    ...command.examples.map((example) => `rserv ${example}`),
    '```',
  ])
  return [
    ...head(
      'Commands',
      'packages/cli/src/commands',
      `A database is a name, a \`postgres://\` URI or a libpq string such as \`host=db1 dbname=shop\`; ` +
        `[the options for connecting](options.md) fill in what it leaves out, then the variables and files of libpq. ` +
        `\`rserv help COMMAND\` says the same as this page.`,
    ),
    '',
    ...table(
      ['command', 'does'],
      COMMANDS.map(({ name, summary }) => [`[\`${name}\`](#${name})`, plain(summary)]),
    ),
    '',
    '## Exit codes',
    '',
    ...table(
      ['code', 'means'],
      EXIT_CODES.map(({ code: number, means }) => [String(number), means]),
    ),
    ...sections,
  ].join('\n')
}

function ownOptions(names, OPTIONS) {
  if (names.length === 0) return []
  return [
    '',
    ...table(
      ['option', 'does', 'environment', 'default'],
      names.map((name) => optionRow(OPTIONS[name])),
    ),
  ]
}

function sharedOptions(command, shared) {
  const titles = shared.filter(({ options }) => options.every((name) => command.options.includes(name)))
  const links = titles.map(
    ({ title }) => `[${title.charAt(0).toLowerCase()}${title.slice(1)}](options.md#${anchor(title)})`,
  )
  return `Also the options for ${links.join(', ')}.`
}

function anchor(title) {
  return title.toLowerCase().replaceAll(' ', '-')
}

/** docs/reference/options.md */
export async function optionsPage(problem) {
  const [{ COMMANDS }, { OPTIONS }, shared] = await Promise.all([load('commands/index.js'), load('options.js'), sets()])
  const isShared = (name) => shared.some(({ options }) => options.includes(name))
  const own = Object.keys(OPTIONS).filter((name) => !isShared(name))
  const users = (name) => COMMANDS.filter(({ options }) => options.includes(name)).map((command) => command.name)
  for (const name of own) {
    if (users(name).length === 0) problem(`packages/cli/src/options.ts: no command has the option ${name}`)
  }
  return [
    ...head(
      'Options',
      'packages/cli/src/options.ts',
      `Every option of the command line. An option wins over its environment variable, and that over the default.`,
    ),
    ...shared.flatMap(({ title, options, intro }) => [
      '',
      `## ${title}`,
      ...(intro ? ['', intro] : []),
      '',
      ...table(
        ['option', 'does', 'environment', 'default'],
        options.map((name) => optionRow(OPTIONS[name])),
      ),
    ]),
    '',
    '## Of single commands',
    '',
    ...table(
      ['option', 'does', 'environment', 'default', 'commands'],
      own.map((name) => [
        ...optionRow(OPTIONS[name]),
        users(name)
          .map((command) => `[\`${command}\`](commands.md#${command})`)
          .join(', '),
      ]),
    ),
  ].join('\n')
}
