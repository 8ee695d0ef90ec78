import type { Context } from 'node:vm'
import { runInContext } from 'node:vm'

/** A column of a row as the stand-in gets it. */
export interface TypedColumn {
  readonly name: string
  /** format_type's text, domains resolved. */
  readonly type: string
  readonly kind: string
}

/**
 * Converts the text of a value as PLV8 3.2 converts the value itself, with all that this loses: numeric and json
 * numbers become numbers, timestamps become dates of milliseconds, an oid above 2^31 becomes negative.
 */
export function toPlv8(text: string | null, { type, kind }: TypedColumn, context: Context): unknown {
  if (text === null) return null
  if (kind !== 'base') return kind === 'array' || kind === 'composite' ? asObject(text, context) : text
  const convert = CONVERSIONS[type.replace(/\(.*?\)/, '')]
  return convert ? convert(text, context) : text
}

type Convert = (text: string, context: Context) => unknown

const number: Convert = (text) => Number(text === '-Infinity' || text === 'Infinity' || text === 'NaN' ? text : text)
const date: Convert = (text, context) => make(context, `new Date(${JSON.stringify(text.replace(' ', 'T'))})`)
const parsed: Convert = (text, context) => make(context, `JSON.parse(${JSON.stringify(text)})`)

const CONVERSIONS: Record<string, Convert> = {
  smallint: number,
  integer: number,
  real: number,
  'double precision': number,
  numeric: number,
  bigint: (text) => BigInt(text),
  oid: (text) => Number(text) | 0,
  boolean: (text) => text === 't' || text === 'true',
  bytea: (text, context) => make(context, `Uint8Array.from(${JSON.stringify([...Buffer.from(text.slice(2), 'hex')])})`),
  date,
  'timestamp without time zone': date,
  'timestamp with time zone': date,
  json: parsed,
  jsonb: parsed,
}

function asObject(text: string, context: Context): unknown {
  return make(context, `({ value: ${JSON.stringify(text)} })`)
}

/** Objects must be of the context's own realm, as they are in PLV8. */
function make(context: Context, expression: string): unknown {
  return runInContext(expression, context) as unknown
}
