import type { CaptureTable, TriggerBackend } from '@rserv/core'
import { quoteBody, quoteIdent, quoteLiteral } from '@rserv/core'
import type { TestDatabase } from '../databases.ts'
import { Channel } from './channel.ts'
import type { TriggerCall } from './engine.ts'
import { Plv8Engine } from './engine.ts'

/** A backend for PLV8 on a server that has none: see startPlv8StandIn. */
export interface Plv8StandIn extends AsyncDisposable {
  readonly backend: TriggerBackend
  readonly engine: Plv8Engine
}

/**
 * Lets a PLV8 backend run where there is no PLV8: real triggers fire in a real server, at their real time and in their
 * real subtransaction, but each function is a PL/pgSQL one that sends its row to this process, where the body runs in
 * Node's V8, and then runs the statements that the body asked for, each in a subtransaction as PLV8's are. The
 * server must be on this machine and the role a superuser.
 */
export async function startPlv8StandIn(database: TestDatabase, backend: TriggerBackend): Promise<Plv8StandIn> {
  const engine = new Plv8Engine()
  const channel = new Channel((request) => answer(engine, request))
  await database.query(SUPPORT(channel))
  const standIn: TriggerBackend = {
    ...backend,
    canHost: () => ({ ok: true }),
    createFunctions: (table) => backend.createFunctions(table).map((sql) => replaceFunction(sql, table, engine)),
  }
  return { backend: standIn, engine, [Symbol.asyncDispose]: async () => channel[Symbol.dispose]() }
}

function answer(engine: Plv8Engine, request: string): string {
  try {
    const call = JSON.parse(request) as TriggerCall | { readonly reset: number }
    if (!('reset' in call)) return JSON.stringify({ executed: engine.call(call) })
    engine.reset(call.reset)
    return JSON.stringify({ executed: [] })
  } catch (error) {
    return JSON.stringify({ error: String(error) })
  }
}

const SUPPORT = (channel: Channel): string => `create schema plv8_stand_in;
  create table plv8_stand_in.reply (line text);
  create function plv8_stand_in.ask(request jsonb) returns void language plpgsql security definer
    set search_path = pg_catalog, pg_temp as $standin$
  declare answer jsonb; run jsonb;
  begin
    perform pg_advisory_lock(2000);
    execute format('copy (select encode(convert_to(%L, ''UTF8''), ''hex'')) to %L', request::text, ${quoteLiteral(channel.request)});
    execute format('copy plv8_stand_in.reply from %L', ${quoteLiteral(channel.reply)});
    select convert_from(decode(line, 'hex'), 'UTF8')::jsonb into answer from plv8_stand_in.reply;
    delete from plv8_stand_in.reply;
    perform pg_advisory_unlock(2000);
    if answer ? 'error' then raise exception '%', answer->>'error'; end if;
    for run in select * from jsonb_array_elements(answer->'executed') loop
      begin
        execute run->>'sql' using run->'parameters'->>0, run->'parameters'->>1, run->'parameters'->>2;
      exception when sqlstate 'ZZZZZ' then null;
      end;
    end loop;
  end $standin$;
  create function plv8_reset() returns void language sql as
    $$ select plv8_stand_in.ask(jsonb_build_object('reset', pg_backend_pid())) $$`

/** The PL/pgSQL function that takes the place of a PLV8 one of the same name. */
function replaceFunction(sql: string, table: CaptureTable, engine: Plv8Engine): string {
  const parts =
    /^create or replace function "rserv"\."([^"]+)"\(\) returns trigger[\s\S]*?as (\$rserv\d*\$)([\s\S]*)\2$/.exec(sql)
  if (!parts?.[1] || parts[3] === undefined) return sql
  const [, name, , body] = parts
  engine.define(name, {
    body,
    columns: table.keyColumns.map(({ column, type, kind }) => ({ name: column, type, kind })),
  })
  const values = (row: string): string =>
    `jsonb_build_array(${table.keyColumns.map(({ column }) => `format('%s', ${row}.${quoteIdent(column)})`).join(', ')})`
  const call = `
  declare new_values jsonb; old_values jsonb;
  begin
    if tg_level = 'ROW' and tg_op <> 'DELETE' then new_values := ${values('new')}; end if;
    if tg_level = 'ROW' and tg_op <> 'INSERT' then old_values := ${values('old')}; end if;
    perform plv8_stand_in.ask(jsonb_build_object('pid', pg_backend_pid(), 'fn', ${quoteLiteral(name)}, 'op', tg_op,
      'when', tg_when, 'level', tg_level, 'new', new_values, 'old', old_values));
    return null;
  end`
  return `create or replace function "rserv".${quoteIdent(name)}() returns trigger language plpgsql security definer
    set search_path = pg_catalog, pg_temp set extra_float_digits = 3 set bytea_output = 'hex' as ${quoteBody(call)}`
}
