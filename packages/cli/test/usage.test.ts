import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../src/commands/index.ts'
import { OPTIONS } from '../src/options.ts'
import { runHere } from './in-process.ts'

/** Nothing listens there. */
const NOWHERE = 'host=127.0.0.1 port=1 dbname=x'

describe('help', () => {
  test.each(COMMANDS)(
    '$name has a summary, described arguments and options, and examples that it takes',
    async (command) => {
      const help = await runHere([command.name, '--help'])
      expect(help).toMatchObject({ code: 0, stderr: '' })
      for (const example of command.examples) {
        expect(help.stdout).toContain(`rserv ${example}`)
        expect(example.startsWith(command.name) || example.startsWith('master-sync')).toBe(true)
      }
      for (const { help: line } of command.arguments) expect(help.stdout.replaceAll(/\s+/g, ' ')).toContain(line)
      for (const name of command.options) expect(help.stdout).toContain(OPTIONS[name].flag)
      expect(command.options).toEqual(expect.arrayContaining(['json', 'debug', 'verbose', 'noverbose']))
      expect(command.options).toEqual(expect.arrayContaining(['host', 'port', 'user', 'password']))
    },
  )

  test.each(COMMANDS.filter((command) => command.historic))('$historic is $name', async ({ historic, name }) => {
    const [old, modern] = [await runHere([historic ?? '', '--help']), await runHere([name, '--help'])]
    expect(old).toEqual(modern)
  })

  test('of the whole, and the version', async () => {
    const help = await runHere(['help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    for (const { name } of COMMANDS) expect(help.stdout).toContain(name)
    expect(await runHere(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  })
})

describe('wrong usage: exit code 2, a message on standard error, nothing on standard output', () => {
  test.each([
    ['no command', []],
    ['an unknown command', ['repplicate', 'a', 'b']],
    ['an unknown option', ['replicate', 'a', 'b', '--fast']],
    ['a missing argument', ['replicate', 'a']],
    ['an argument too many', ['get-sync-id', 'a', 'b']],
    ['an option without its value', ['get-sync-id', 'a', '--host']],
    ['a bad sync id', ['master-sync', 'a', 'seven']],
    ['a bad sync id to clean', ['clean-log', 'a', '1.5']],
    ['neither sync id nor age', ['clean-log', 'a']],
    ['both sync id and age', ['clean-log', 'a', '1', '--older-than', '1']],
    ['a bad age', ['clean-log', 'a', '--older-than', 'yesterday']],
    ['no table', ['master-add-table', 'a']],
    ['columns for several tables', ['master-add-table', 'a', 't', 'id', '--table', 'u']],
    ['columns for all tables', ['slave-add-table', 'a', 't', 'id', '--all']],
    ['a bad granularity', ['master-add-table', 'a', 't', '--granularity', 'table']],
    ['a lock timeout of 0, which would wait for ever', ['master-add-table', 'a', 't', '--lock-timeout', '0']],
    ['a bad URI', ['get-sync-id', 'postgres://h:x/y']],
    ['a bad connection string', ['get-sync-id', 'host=a nonsense=1']],
    ['a bad port', ['get-sync-id', 'a', '--port', 'http']],
    ['an unknown service', ['get-sync-id', 'service=no_such_service']],
    ['a snapshot file that is not there', ['apply-snapshot', NOWHERE, '--snapshot', 'no-such-file']],
    ['a snapshot file in no folder', ['prepare-snapshot', NOWHERE, '--snapshot', 'no-such-folder/file']],
    ['one database twice in the demonstration', ['demo', 'one', 'one']],
  ])('%s', async (_, argv) => {
    const { code, stdout, stderr } = await runHere(argv)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).not.toBe('')
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  test.each(['master-add-table', 'slave-add-table'])(
    'cases 20, 21: %s refuses a filter of rows, with the reason',
    async (name) => {
      const { code, stdout, stderr } = await runHere([name, NOWHERE, 'orders', '--where', `region = 'eu'`])
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
      expect(stderr).toMatch(/there are no filters of rows.*\nhint: .*partition/)
      expect((await runHere([name, '--help'])).stdout).not.toContain('--where')
    },
  )

  test('a snapshot is not written to a terminal, nor read from one', async () => {
    for (const command of ['prepare-snapshot', 'apply-snapshot']) {
      expect(await runHere([command, NOWHERE], { isTTY: true })).toMatchObject({ code: 2, stdout: '' })
    }
  })

  test('with --json it is also a document', async () => {
    for (const argv of [
      ['clean-log', 'a', '--json'],
      ['clean-log', '--json'],
      ['clean-log', 'a', '--jsn', '--json'],
    ]) {
      const { code, stdout } = await runHere(argv)
      expect(code).toBe(2)
      expect(JSON.parse(stdout)).toEqual({
        error: { code: 'USAGE', message: expect.any(String), hint: expect.anything() },
      })
    }
  })
})

describe('which server', () => {
  test.each([
    [['--port', '2'], /127\.0\.0\.1:2/],
    [['--port', '2', '--masterport', '3'], /127\.0\.0\.1:3/],
    [['--port', '2', '--slaveport', '3'], /127\.0\.0\.1:2/],
    [['--masterhost', '127.0.0.2', '--port', '2'], /127\.0\.0\.2:2/],
  ])('Replicate %j', async (flags, says) => {
    const { code, stderr } = await runHere(['Replicate', 'm', 's', '--host', '127.0.0.1', ...flags])
    expect(code).toBe(1)
    expect(stderr).toMatch(says)
  })

  test('what the argument says is not overruled', async () => {
    const { stderr } = await runHere(['Replicate', NOWHERE, 's', '--host', '127.0.0.9', '--port', '9'])
    expect(stderr).toMatch(/127\.0\.0\.1:1\b/)
  })
})

describe('failures: exit code 1', () => {
  test('no server: said with what to do, and as a document', async () => {
    const { code, stdout, stderr } = await runHere(['status', NOWHERE, '--json'])
    expect(code).toBe(1)
    expect(stderr).toMatch(/^rserv: cannot connect to database x at 127\.0\.0\.1:1: .*\nhint: .+\n$/)
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'CONNECT', sqlState: 'ECONNREFUSED' } })
  })

  test('the stack with --debug only', async () => {
    expect((await runHere(['status', NOWHERE])).stderr).not.toMatch(/^\s+at /m)
    expect((await runHere(['status', NOWHERE, '--debug'])).stderr).toMatch(/^\s+at /m)
  })

  test('a document never gets into a snapshot', async () => {
    const { code, stdout, stderr } = await runHere(['prepare-snapshot', NOWHERE, '--json'])
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain('"code": "CONNECT"')
  })

  test('passwords are not shown, wherever they come from', async () => {
    for (const argv of [
      ['status', 'postgres://u:hunter22@127.0.0.1:1/hunter22', '--debug', '--json'],
      ['status', `${NOWHERE} password=hunter22`, '--debug'],
      ['status', NOWHERE, '--password', 'hunter22', '--debug'],
      ['status', 'postgres://u:hunter22@127.0.0.1:x/d', '--debug', '--json'],
      ['postgres://u:hunter22@127.0.0.1/d'],
    ]) {
      const { stdout, stderr } = await runHere(argv)
      expect(stdout + stderr).not.toContain('hunter22')
    }
  })

  test('an interrupt is named', async () => {
    const { code, stderr } = await runHere(['status', NOWHERE], { signal: AbortSignal.abort() })
    expect(code).toBe(1)
    expect(stderr).toContain('rserv: interrupted')
  })
})
