import { RservError } from './errors.ts'

/** A table's name: two strings to the end, never one that is split at a dot. */
export interface QualifiedName {
  readonly schema: string
  readonly name: string
}

/** One part of a name as typed; `wildcard` when it holds an unquoted `*`. */
export interface NamePart {
  readonly text: string
  readonly wildcard: boolean
}

/** A table as typed by a user: `orders`, `sales.orders`, `"Odd.Name"."x y"`, `sales.*`. */
export interface TablePattern {
  readonly schema: NamePart | null
  readonly name: NamePart
}

export function quoteIdent(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** A string literal that is read the same whatever standard_conforming_strings says. */
export function quoteLiteral(value: string): string {
  const doubled = value.replaceAll("'", "''")
  return value.includes('\\') ? ` E'${doubled.replaceAll('\\', '\\\\')}'` : `'${doubled}'`
}

/** A function's body between dollar quotes that nothing in it can end, whatever a column is called. */
export function quoteBody(body: string): string {
  let tag = '$rserv$'
  for (let number = 1; body.includes(tag.slice(0, -1)); number++) tag = `$rserv${number}$`
  return `${tag}\n${body}\n${tag}`
}

export function quoteName(name: QualifiedName): string {
  return `${quoteIdent(name.schema)}.${quoteIdent(name.name)}`
}

/** A name for people: quoted only where SQL would need it. */
export function displayName(name: QualifiedName): string {
  return `${displayPart(name.schema)}.${displayPart(name.name)}`
}

function displayPart(text: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(text) ? text : quoteIdent(text)
}

export function sameName(a: QualifiedName, b: QualifiedName): boolean {
  return a.schema === b.schema && a.name === b.name
}

/**
 * Reads a table name or pattern as SQL reads names: unquoted parts are folded to lower case.
 * @throws RservError BAD_NAME
 */
export function parseTablePattern(input: string): TablePattern {
  const parts: NamePart[] = []
  let rest = input.trim()
  for (;;) {
    const [part, after] = readPart(rest, input)
    parts.push(part)
    if (after === '') break
    if (!after.startsWith('.')) throw badName(input)
    rest = after.slice(1)
  }
  const [first, second] = parts
  if (parts.length === 1 && first) return { schema: null, name: first }
  if (parts.length === 2 && first && second) return { schema: first, name: second }
  throw badName(input)
}

function readPart(rest: string, input: string): [NamePart, string] {
  if (rest.startsWith('"')) {
    const quoted = /^"((?:[^"]|"")+)"/.exec(rest)
    if (!quoted?.[1]) throw badName(input)
    return [{ text: quoted[1].replaceAll('""', '"'), wildcard: false }, rest.slice(quoted[0].length)]
  }
  const bare = /^[^."\s]+/.exec(rest)
  if (!bare) throw badName(input)
  const text = bare[0].replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  return [{ text, wildcard: text.includes('*') }, rest.slice(bare[0].length)]
}

function badName(input: string): RservError {
  return new RservError('BAD_NAME', `not a table name: ${input}`, {
    hint: 'Write it as in SQL: orders, sales.orders, "Odd.Name"."x y", or a pattern such as sales.*',
  })
}

/** The LIKE pattern of a name part. */
export function likePattern(part: NamePart): string {
  const escaped = part.text.replace(/[\\%_]/g, (character) => `\\${character}`)
  return part.wildcard ? escaped.replaceAll('*', '%') : escaped
}
