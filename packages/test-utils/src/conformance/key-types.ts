import type { Script } from './script.ts'
import { step } from './script.ts'

/** Types of keys, with values that a careless path damages, in the text form that the server gives them. */
const KEY_TYPES: readonly (readonly [string, readonly string[]])[] = [
  ['smallint', ['-32768', '32767']],
  ['bigint', ['-9223372036854775808', '9007199254740993', '9223372036854775807']],
  ['numeric', ['12345678901234567890.123456789', '1.10', 'NaN']],
  ['real', ['0.1', '1e+20']],
  ['double precision', ['0.30000000000000004', '-Infinity', '5e-324']],
  ['text', ['', 'a|b', `it's`, 'tab\there', 'Ünïcödé 😀', ' trailing  ']],
  ['varchar(10)', ['ab ']],
  ['char(4)', ['ab  ']],
  ['bytea', ['\\x', '\\x00ff27']],
  ['boolean', ['f', 't']],
  ['date', ['2024-02-29', 'infinity', '0044-03-15 BC']],
  ['time', ['23:59:59.999999']],
  ['timestamp', ['2024-03-04 05:06:07.123456', 'infinity']],
  ['timestamptz', ['2024-03-04 05:06:07.123456+00', '-infinity']],
  ['interval', ['1 mon', '01:02:03.000004']],
  ['uuid', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']],
  ['inet', ['192.168.0.1/24', '::1']],
  ['macaddr', ['08:00:2b:01:02:03']],
  ['bit(5)', ['10101']],
  ['oid', ['4294967295']],
  ['pg_lsn', ['FFFFFFFF/FFFFFFFF']],
  ['int4range', ['[1,5)', 'empty']],
  ['tstzrange', ['["2024-01-01 00:00:00.000001+00",)']],
  ['jsonb', ['{"a": 1.10, "b": 9007199254740993}']],
  ['integer[]', ['{}', '{1,NULL,3}', '{{1,2},{3,4}}']],
  ['text[]', ['{"a,b",NULL,"NULL","\\"q\\""}']],
  ['mood', ['sad', 'happy']],
  ['pair', ['(1,"a b")', '(,)']],
  ['positive', ['5']],
]

const DDL = `create type mood as enum ('sad', 'happy'); create type pair as (a int, b text); create domain positive as int check (value > 0)`

const PREFIX = 'key of type '

/** The type of a script of KEY_TYPE_SCRIPTS, as in its DDL. */
export function keyTypeOf(script: Script): string | undefined {
  return script.name.startsWith(PREFIX) ? script.name.slice(PREFIX.length) : undefined
}

/** One script for each type: inserted, updated, deleted, and the rest of a composite key changed. */
export const KEY_TYPE_SCRIPTS: readonly Script[] = KEY_TYPES.map(([type, values]) => {
  const literal = (value: string): string => `'${value.replaceAll("'", "''")}'::${type}`
  const all = (part: number): string[][] => values.map((value) => [value, String(part)])
  return {
    name: `${PREFIX}${type}`,
    ddl: `${DDL}; create table t (k ${type}, part int, v text, primary key (k, part))`,
    tables: [{ name: 't' }],
    steps: [
      step([`insert into t values ${values.map((value) => `(${literal(value)}, 1, 'a')`).join(', ')}`], {
        table: 't',
        keys: all(1),
      }),
      step([`update t set v = 'b'`], { table: 't', keys: all(1) }),
      step(['update t set part = 2'], { table: 't', keys: [...all(1), ...all(2)] }),
      step(['delete from t'], { table: 't', keys: all(2) }),
    ],
  }
})
