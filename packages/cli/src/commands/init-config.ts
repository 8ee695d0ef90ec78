import { open } from 'node:fs/promises'
import { dirname, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { describeSlave, RservError, status } from '@rserv/core'
import type { ClientConfig } from 'pg'
import type { Call, Command } from '../command.ts'
import { configText } from '../config/template.ts'
import { withoutPassword } from '../config/without-password.ts'
import { UsageError } from '../errors.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'
import { shellQuote } from '../shell-quote.ts'
import { text } from '../values.ts'

const SCHEMA = fileURLToPath(new URL('../../schema/rserv.schema.json', import.meta.url))

export const initCommand: Command = {
  name: 'init',
  summary: 'write a commented configuration for rserv run from two databases',
  details:
    `Looks at both, changes nothing in them, and says in the file what is still to be done. Never writes a password, and ` +
    `never over a file that is there.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '<slavedb>', help: 'the slave' },
  ],
  options: ['file', ...TWO_DATABASES, ...EVERYWHERE],
  examples: ['init shop shop_copy', 'init service=shop service=berlin --file /etc/rserv.yaml'],
  async run(call) {
    const { args, side, sideFlags, context } = call
    const [master, slave] = [await side('master', args[0]), await side('slave', args[1])]
    const named = text(call.options, 'file') ?? 'rserv.yaml'
    const file = named === '-' ? null : resolve(context.cwd, named)
    const notes = [...(await masterNotes(call, master)), ...(await slaveNotes(call, slave))]
    const names = namesOf(master, slave)
    const content = configText({
      schema: schemaFor(file ?? resolve(context.cwd, 'rserv.yaml')),
      master: { name: names.master, database: withoutPassword(args[0] ?? '', sideFlags('master'), master) },
      slave: { name: names.slave, database: withoutPassword(args[1] ?? '', sideFlags('slave'), slave) },
      notes,
    })
    if (file === null) return { json: { file: null, notes, content }, text: content, bare: true }
    await writeNew(file, content)
    const todo = notes.map((note) => `- ${note.replaceAll('\n', '\n  ')}`)
    const lines = [`${file} written.`, ...todo, `Then: rserv run --config ${shellQuote(named)}`]
    return { json: { file, notes }, text: lines.join('\n') }
  },
}

/** Spaces and slashes have a meaning in names. */
function nameOf({ database }: ClientConfig): string {
  return (database ?? '').replaceAll(/[\s/]+/g, '-')
}

function namesOf(master: ClientConfig, slave: ClientConfig): { master: string; slave: string } {
  const [a, b] = [nameOf(master), nameOf(slave)]
  return { master: a, slave: a === b ? `${b}-copy` : b }
}

async function writeNew(file: string, content: string): Promise<void> {
  try {
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(content)
    await handle.close()
  } catch (error) {
    throw new UsageError(
      `${file} is not written: ${(error as Error).message}`,
      'Choose another --file, or remove that one first.',
    )
  }
}

/** Relative where both are in one project, so that the project may be moved. */
function schemaFor(file: string): string {
  const path = relative(dirname(file), SCHEMA)
  return path.startsWith('..') ? pathToFileURL(SCHEMA).href : `./${path.split(sep).join('/')}`
}

async function masterNotes({ common }: Call, master: ClientConfig): Promise<string[]> {
  const name = shellQuote(master.database ?? '')
  try {
    const { tables } = await status(master, [], common)
    if (tables.length > 0) return [`The master captures ${count(tables.length, 'table')}.`]
    return [`The master captures no table yet: rserv master-add-table ${name} --all`]
  } catch (error) {
    return [todo(error, `rserv master-init ${name}, then rserv master-add-table ${name} --all`)]
  }
}

async function slaveNotes({ common }: Call, slave: ClientConfig): Promise<string[]> {
  const name = shellQuote(slave.database ?? '')
  try {
    const { tables } = await describeSlave(slave, common)
    if (tables.length > 0) return [`The slave takes ${count(tables.length, 'table')}.`]
    return [`The slave takes no table yet: rserv slave-add-table ${name} --all`]
  } catch (error) {
    return [todo(error, `rserv slave-init ${name}, then rserv slave-add-table ${name} --all`)]
  }
}

/** A database that is not set up yet is no error here; one that cannot be reached is told of in the file. */
function todo(error: unknown, commands: string): string {
  if (!(error instanceof RservError)) throw error
  const setUp = error.code === 'NOT_INITIALISED' || error.code === 'WRONG_ROLE'
  return setUp ? `Still to be done: ${commands}` : `When this was written: ${error.message}`
}
