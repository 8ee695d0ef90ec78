/** SQL expressions of a type's values, made from small numbers so that histories meet the same ones again. */
type Values = (n: number) => string

export const KEY_TYPES = {
  int: (n) => `${n}`,
  bigint: (n) => `${n}::bigint * 3000000000`,
  // One key, several spellings.
  numeric: (n) => `${n}.5${'0'.repeat(n % 3)}`,
  text: (n) => `E'k\\t\\\\${n}'`,
  'text collate "C"': (n) => `'Ö${n}'`,
  'char(6)': (n) => `'c${n}'`,
  uuid: (n) => `md5('${n}')::uuid`,
  date: (n) => `date '2024-02-26' + ${n}`,
  timestamptz: (n) => `timestamptz '2024-03-31 00:00+00' + ${n} * interval '30 min'`,
  bytea: (n) => `decode('0${n % 10}5c', 'hex')`,
  inet: (n) => `inet '10.0.0.0' + ${n}`,
  float8: (n) => `${n}::float8 / 3`,
  int4range: (n) => `int4range(${n}, ${n + 1})`,
} satisfies Record<string, Values>

export const VALUE_TYPES = {
  ...KEY_TYPES,
  json: (n) => `'{"n": ${n}, "n": ${n}}'::json`,
  jsonb: (n) => `jsonb_build_object('n', ${n}, 'l', array[${n}, null])`,
  'int[]': (n) => `array[${n}, null, ${n + 1}]`,
  interval: (n) => (n % 2 ? `interval '1 month'` : `interval '30 days'`),
  point: (n) => `point(${n}, 0.1)`,
  boolean: (n) => `${n % 2 === 0}`,
  'varbit(9)': (n) => `${n}::bit(8)::varbit`,
  name: (n) => `repeat('n', ${n})`,
} satisfies Record<string, Values>

export type KeyType = keyof typeof KEY_TYPES
export type ValueType = keyof typeof VALUE_TYPES

/** Every fifth value is missing, every seventh long enough to be stored out of line. */
export function value(type: ValueType, n: number): string {
  if (n % 5 === 0) return 'null'
  if (type === 'text' && n % 7 === 0)
    return `(select string_agg(md5((${n} * i)::text), '') from generate_series(1, 200) i)`
  return VALUE_TYPES[type](n)
}
