import { UsageError } from './errors.ts'
import type { OptionName, OptionValues } from './options.ts'
import { OPTIONS } from './options.ts'

/** A string option, or undefined. */
export function text(options: OptionValues, name: OptionName): string | undefined {
  const value = options[name]
  return typeof value === 'string' ? value : undefined
}

/** A repeatable option. */
export function list(options: OptionValues, name: OptionName): string[] {
  const value = options[name]
  return Array.isArray(value) ? value : []
}

export function flag(options: OptionValues, name: OptionName): boolean {
  return options[name] === true
}

/** A number that is not negative. @throws UsageError */
export function number(options: OptionValues, name: OptionName): number | undefined {
  const value = text(options, name)
  if (value === undefined) return undefined
  if (!/^\d+(\.\d+)?$/.test(value)) {
    throw new UsageError(`option ${flagName(name)} is ${value}`, 'It takes a number that is not negative.')
  }
  return Number(value)
}

/** A number above zero. @throws UsageError */
export function positive(options: OptionValues, name: OptionName): number | undefined {
  const value = number(options, name)
  if (value === 0) throw new UsageError(`option ${flagName(name)} is 0`, 'It takes a number above zero.')
  return value
}

/** A whole number above zero. @throws UsageError */
export function whole(options: OptionValues, name: OptionName): number | undefined {
  const value = positive(options, name)
  if (value !== undefined && !Number.isSafeInteger(value)) {
    throw new UsageError(`option ${flagName(name)} is ${value}`, 'It takes a whole number above zero.')
  }
  return value
}

/** A size above zero. @throws UsageError */
export function size(options: OptionValues, name: OptionName): number | undefined {
  const value = text(options, name)
  if (value === undefined) return undefined
  const bytes = parseSize(value)
  if (bytes === undefined || bytes === 0) {
    throw new UsageError(`option ${flagName(name)} is ${value}`, 'It takes bytes, or a number with kB, MB, GB or TB.')
  }
  return bytes
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

/** `10MB` as bytes: units of 1024, as PostgreSQL has them; undefined where it is no size. */
export function parseSize(value: string): number | undefined {
  const [, digits, unit = 'B'] = /^(\d+(?:\.\d+)?)\s*([kMGT]?B)?$/i.exec(value.trim()) ?? []
  return digits === undefined ? undefined : Math.round(Number(digits) * 1024 ** UNITS.indexOf(unit.toUpperCase()))
}

export function flagName(name: OptionName): string {
  return OPTIONS[name].flag.replace(/ .*/, '')
}

/** A sync id: a whole number. @throws UsageError */
export function syncId(value: string | undefined): bigint {
  if (value === undefined || !/^\d{1,19}$/.test(value) || BigInt(value) > 9_223_372_036_854_775_807n) {
    throw new UsageError(`not a sync id: ${value ?? ''}`, 'A sync id is a whole number, as get-sync-id prints it.')
  }
  return BigInt(value)
}

/** Column names, separated by commas; quoted ones may hold a comma and keep their capitals. */
export function columns(value: string | undefined): string[] | undefined {
  if (value === undefined) return undefined
  const names: string[] = []
  const one = /\s*(?:"((?:[^"]|"")+)"|([^",\s][^",]*?))\s*(,|$)/sy
  while (one.lastIndex < value.length) {
    const match = one.exec(value)
    if (!match)
      throw new UsageError(`not a list of columns: ${value}`, 'Separate them with commas; quote odd names as in SQL.')
    names.push(match[1]?.replaceAll('""', '"') ?? (match[2] ?? '').toLowerCase())
  }
  if (names.length === 0) throw new UsageError('an empty list of columns', 'Leave it out to use the primary key.')
  return names
}
