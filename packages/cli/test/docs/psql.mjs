// Stands in for psql where it is not installed: `psql [-q] [-A] [-t] [-X] CONNINFO (-c SQL | -f FILE)…`, for the tests of the
// documentation, which use no more of it.
import { readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'

pg.types.setTypeParser = () => undefined
const asText = { getTypeParser: () => (value) => value }
const say = (line) => process.stdout.write(`${line}\n`)
const complain = (line) => process.stderr.write(`${line}\n`)
const options = { quiet: false, bare: false, tuples: false, work: [] }
let database = ''
const args = process.argv.slice(2)
while (args.length > 0) {
  const arg = args.shift()
  if (arg === '-c') options.work.push(args.shift())
  else if (arg === '-f') options.work.push(readFileSync(args.shift(), 'utf8'))
  else if (arg === '-v' || arg === '-d') args.shift()
  else if (/^-[qAtX1]+$/.test(arg)) {
    if (arg.includes('q')) options.quiet = true
    if (arg.includes('A')) options.bare = true
    if (arg.includes('t')) options.tuples = true
  } else database = arg
}
if (options.work.length === 0) options.work.push(readFileSync(0, 'utf8'))

function service(name) {
  const file = process.env.PGSERVICEFILE ?? join(homedir(), '.pg_service.conf')
  const section =
    readFileSync(file, 'utf8')
      .split(/^\[/m)
      .find((text) => text.startsWith(`${name}]`)) ?? ''
  return Object.fromEntries(
    section
      .split('\n')
      .slice(1)
      .filter((line) => line.includes('='))
      .map((line) => line.split(/=(.*)/s)),
  )
}

const name = /service=(\S+)/.exec(database)?.[1] ?? process.env.PGSERVICE
const given = name ? service(name.replaceAll("'", '')) : {}
const other = /dbname=(\S+)/.exec(database)?.[1]
const client = new pg.Client({ ...given, database: other ?? given.dbname ?? database, types: asText })
client.on('notice', ({ severity, message }) => complain(`${severity}:  ${message}`))
try {
  await client.connect()
  for (const sql of options.work) {
    for (const result of [await client.query({ text: sql, rowMode: 'array' })].flat()) show(result)
  }
} catch (error) {
  complain(`ERROR:  ${error.message}`)
  process.exitCode = 1
} finally {
  await client.end()
}

function show({ command, fields, rows, rowCount }) {
  if (fields.length === 0) {
    const tag = { INSERT: `INSERT 0 ${rowCount}`, UPDATE: `UPDATE ${rowCount}`, DELETE: `DELETE ${rowCount}` }[command]
    if (!options.quiet) say(tag ?? command)
    return
  }
  const separator = options.bare ? '|' : ' | '
  if (!options.tuples) say(fields.map((field) => field.name).join(separator))
  for (const row of rows) say(row.map((value) => value ?? '').join(separator))
  if (!options.tuples) say(`(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`)
}
