import { expect, test } from 'vitest'
import { runHere } from './in-process.ts'
import { databases, rserv, rservJson, setUp } from './support.ts'

const DDL = `create table parent (id int primary key);
  create table orders (id serial primary key, parent int references parent, v text not null default 'x' check (v <> ''));
  create index orders_v on orders (v);
  create function stamp() returns trigger language plpgsql as $$ begin return new; end $$;
  create trigger stamp before insert on orders for each row execute function stamp()`

interface Status {
  readonly slaves: readonly { readonly takeover: { readonly keepsLog: boolean; readonly ready: boolean } }[]
}

interface Check {
  readonly findings: readonly { readonly code: string; readonly fix: string }[]
}

test('slave-add-table --keep-log makes a slave ready to take over; status and check say so, or what is missing', async () => {
  await using pair = await databases(DDL)
  const { master, slave } = pair
  await setUp(pair)
  await rserv('replicate', master.uri, slave.uri)
  const status = (): Promise<Status> => rservJson<Status>('status', master.uri, slave.uri)
  expect(await status()).toMatchObject({ slaves: [{ takeover: { keepsLog: false, ready: false } }] })
  const kept = await rserv('slave-add-table', slave.uri, '--all', '--keep-log')
  expect(kept.stdout).toContain('public.orders: was registered already, in sync; the slave keeps a log of it')
  expect(await status()).toMatchObject({ slaves: [{ takeover: { keepsLog: true, ready: true } }] })
  expect((await runHere(['status', master.uri, slave.uri])).stdout).toContain("Ready to take its master's place.")
  const ready = await rservJson<Check>('check', master.uri, slave.uri)
  expect(ready.findings.map(({ code }) => code)).toEqual(['takeover-ready'])
  await master.query(`grant select on orders to public; create table later (id int primary key)`)
  await rserv('master-add-table', master.uri, 'later')
  await slave.query(
    `alter table orders disable trigger stamp, drop constraint orders_parent_fkey, drop constraint orders_v_check,
      alter v drop not null, alter id drop default; drop sequence orders_id_seq; drop index orders_v;
     drop trigger rserv_guard on orders; alter table parent enable trigger rserv_2_insert`,
  )
  const codes = [
    'not-taken',
    'sequence-missing',
    'taken-by-nobody',
    'takeover-capture',
    'takeover-constraint',
    'takeover-constraint',
    'takeover-default',
    'takeover-default',
    'takeover-grant',
    'takeover-guard',
    'takeover-index',
    'takeover-trigger',
  ]
  const found = await rservJson<Check>('check', master.uri, slave.uri)
  expect(found.findings.map(({ code }) => code).toSorted(), JSON.stringify(found, null, 1)).toEqual(codes)
  expect(await status()).toMatchObject({ slaves: [{ takeover: { keepsLog: true, ready: false } }] })
  const text = await runHere(['status', master.uri, slave.uri])
  expect(text.stdout).toContain('! public.orders: trigger stamp is not in force here')
  // The remedies are what helps.
  for (const { code, fix } of found.findings) {
    if (code.startsWith('takeover') && fix.endsWith(';') && !fix.includes('…')) await slave.query(fix)
  }
  await slave.query(
    `create sequence orders_id_seq owned by orders.id; alter table orders alter id set default nextval('orders_id_seq')`,
  )
  await rserv('slave-add-table', slave.uri, '--all', '--keep-log')
  const rest = await rservJson<Check>('check', master.uri, slave.uri)
  expect(rest.findings.map(({ code }) => code)).toEqual(['taken-by-nobody', 'not-taken'])
})
