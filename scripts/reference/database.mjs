import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { ROOT } from '../workspace.mjs'
import { code, head, plain, table } from './markdown.mjs'

const { Client } = createRequire(join(ROOT, 'package.json'))('pg')
const load = (path) => import(pathToFileURL(join(ROOT, 'packages', path)).href)

const RELATIONS = `
  select c.oid::int as id, c.relname as name, c.relkind as kind, pg_catalog.obj_description(c.oid, 'pg_class') as comment
  from pg_catalog.pg_class c
  where c.relnamespace = 'rserv'::pg_catalog.regnamespace and c.relkind in ('r', 'v', 'S')
    and not exists (select from pg_catalog.pg_depend d where d.objid = c.oid and d.deptype = 'i')
  order by c.oid`
const COLUMNS = `
  select a.attname as name, pg_catalog.format_type(a.atttypid, a.atttypmod) as type, a.attnotnull as filled,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid) as default, a.attidentity <> '' as numbered,
    pg_catalog.col_description(a.attrelid, a.attnum) as comment
  from pg_catalog.pg_attribute a left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum`
const CONSTRAINTS = `
  select pg_catalog.pg_get_constraintdef(oid) as definition from pg_catalog.pg_constraint
  where conrelid = $1 and contype <> 'n' order by contype desc, conname`
const FUNCTIONS = `
  select p.proname as name, pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
    pg_catalog.pg_get_function_result(p.oid) as result, pg_catalog.obj_description(p.oid, 'pg_proc') as comment
  from pg_catalog.pg_proc p where p.pronamespace = 'rserv'::pg_catalog.regnamespace order by p.proname, arguments`
const OF_A_TABLE = /^(log_\d|capture_\d)/

/** docs/reference/database.md, read from a real server on which rserv is installed. */
export async function databasePage(problem) {
  const { startServer } = await load('embedded/dist/index.js')
  const server = await startServer({ settings: { fsync: 'off' } })
  const config = server.config('postgres')
  const client = new Client(config)
  try {
    await client.connect()
    await install(config, client)
    return await describe(client, problem)
  } finally {
    await client.end()
    await server.stop()
  }
}

async function install(config, client) {
  const { masterInit, masterAddTables, slaveInit } = await load('core/dist/index.js')
  const { backend } = await load('trigger-plpgsql/dist/index.js')
  const backends = async () => backend
  await client.query('create table public.orders (id bigint primary key, note text)')
  await masterInit(config, { backends })
  await slaveInit(config)
  await masterAddTables(config, { tables: ['orders'], backends })
}

async function describe(client, problem) {
  const rows = async (sql, ...values) => (await client.query(sql, values)).rows
  const relations = await rows(RELATIONS)
  const functions = await rows(FUNCTIONS)
  const lines = head(
    'The schema rserv',
    'packages/core/sql, installed into a server,',
    'What rserv keeps in a database: the same on masters and slaves, owned by the role that ran `master-init` or ' +
      '`slave-init`. Read it as you like; only rserv writes it. Columns may be added with a new version.',
  )
  for (const { id, name, kind, comment } of relations) {
    if (!comment && !OF_A_TABLE.test(name)) problem(`packages/core/sql: rserv.${name} has no comment`)
    if (OF_A_TABLE.test(name) || kind === 'S') continue
    lines.push('', `## rserv.${name}`, '', plain(comment ?? ''), '')
    lines.push(...(await columnTable(rows, id)), ...(await constraintLines(rows, id)))
  }
  return [
    ...lines,
    ...sequences(relations),
    ...functionTable(functions, problem),
    ...(await ofTables(rows, relations, functions)),
  ].join('\n')
}

async function columnTable(rows, id) {
  const columns = await rows(COLUMNS, id)
  if (columns.length === 0) return ['No columns.']
  return table(
    ['column', 'type', 'null', 'default', 'is'],
    columns.map((column) => [
      code(column.name),
      code(column.type),
      column.filled ? 'no' : 'yes',
      column.numbered ? 'numbered' : column.default ? code(column.default) : '',
      plain(column.comment ?? ''),
    ]),
  )
}

async function constraintLines(rows, id) {
  const constraints = await rows(CONSTRAINTS, id)
  return constraints.length === 0 ? [] : ['', constraints.map(({ definition }) => code(definition)).join(', ')]
}

function sequences(relations) {
  const all = relations.filter(({ kind }) => kind === 'S')
  if (all.length === 0) return []
  const rows = all.map(({ name, comment }) => [code(`rserv.${name}`), plain(comment ?? '')])
  return ['', '## Sequences', '', ...table(['sequence', 'is'], rows)]
}

function functionTable(functions, problem) {
  const own = functions.filter(({ name }) => !OF_A_TABLE.test(name))
  for (const { name, comment } of own) {
    if (!comment) problem(`packages/core/sql: function rserv.${name} has no comment`)
  }
  const rows = own.map(({ name, arguments: parameters, result, comment }) => [
    code(`rserv.${name}(${parameters})`),
    code(result),
    plain(comment ?? ''),
  ])
  return ['', '## Functions', '', ...table(['function', 'returns', 'does'], rows)]
}

/** What master-add-table makes, by the example of a table with the key `id bigint` that got the number 1. */
async function ofTables(rows, relations, functions) {
  const triggers = await rows(`
    select t.tgname as name, pg_catalog.pg_get_triggerdef(t.oid) as definition from pg_catalog.pg_trigger t
    where t.tgrelid = 'public.orders'::pg_catalog.regclass and not t.tgisinternal order by t.tgname`)
  const logs = relations.filter(({ name }) => OF_A_TABLE.test(name))
  return [
    '',
    '## For each captured table',
    '',
    'For a table with the number n (`table_id` in `rserv.replicated_table`) there are the two generations of its log, the ' +
      'functions of its trigger backend and the triggers. With the backend `plpgsql` and the key `id bigint`, n being 1:',
    ...(
      await Promise.all(
        logs.map(async ({ id, name }) => ['', `**rserv.${name}**`, '', ...(await columnTable(rows, id))]),
      )
    ).flat(),
    '',
    ...table(
      ['function'],
      functions
        .filter(({ name }) => OF_A_TABLE.test(name))
        .map(({ name, arguments: parameters }) => [code(`rserv.${name}(${parameters})`)]),
    ),
    '',
    ...table(
      ['trigger'],
      triggers.map(({ definition }) => [code(definition)]),
    ),
  ]
}
