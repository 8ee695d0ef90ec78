/** Families in which every value of an earlier type has the same text in a later one. */
const WIDENING: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint', 'numeric'],
  ['real', 'double precision'],
]

const TEXT_LIKE = /^(text|character varying)(\((\d+)\))?$/
const NUMERIC = /^numeric(\((\d+),(\d+)\))?$/

/**
 * May a column of type `target` take the text of values of type `source`? Only where no value can change its meaning:
 * timestamp and timestamptz, say, would convert silently and wrongly (case 113). Types are as format_type writes
 * them under an empty search_path.
 */
export function canReceive(target: string, source: string): boolean {
  if (target === source) return true
  if (WIDENING.some((family) => widens(family, target, source))) return true
  return textFits(target, source) || numericFits(target, source) || precisionFits(target, source)
}

function widens(family: readonly string[], target: string, source: string): boolean {
  const from = family.indexOf(source)
  return from >= 0 && family.indexOf(target) > from
}

function textFits(target: string, source: string): boolean {
  const to = TEXT_LIKE.exec(target)
  if (!to) return false
  if (!to[3]) return /^(text|character varying|citext|name|uuid|"char")/.test(source.replace(/^.*\./, ''))
  const from = TEXT_LIKE.exec(source)
  return from?.[3] !== undefined && Number(to[3]) >= Number(from[3])
}

function numericFits(target: string, source: string): boolean {
  const to = NUMERIC.exec(target)
  const from = NUMERIC.exec(source)
  if (!to || !from) return false
  if (!to[1]) return true
  // The same scale only: a larger one would pad 1.5 to 1.50.
  return from[1] !== undefined && to[3] === from[3] && Number(to[2]) >= Number(from[2])
}

/** timestamp(3) into timestamp(6) and the like: same words, more digits or no limit. */
function precisionFits(target: string, source: string): boolean {
  const parts = /^(timestamp|time|interval|bit varying)(?:\((\d+)\))?(.*)$/
  const to = parts.exec(target)
  const from = parts.exec(source)
  if (!to || !from || to[1] !== from[1] || to[3] !== from[3]) return false
  return to[2] === undefined || (from[2] !== undefined && Number(to[2]) >= Number(from[2]))
}
