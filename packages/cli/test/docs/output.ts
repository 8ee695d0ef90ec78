/** What is different in every run, and what stands for it. */
const CHANGING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '<uuid>'],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?/g, '<time>'],
  [/\b\d+(\.\d+)? ms\b/g, '<duration>'],
  [/\b\d+(\.\d+)? s\b/g, '<duration>'],
]

/**
 * Lines as they are compared: without the widths of columns, and with uuids, times and durations taken for alike.
 * Lines of dashes and empty lines are left out.
 */
function comparable(text: string): string[] {
  let plain = text
  for (const [pattern, name] of CHANGING) plain = plain.replaceAll(pattern, name)
  const lines = plain.split('\n').map((line) => line.replaceAll(/\s+/g, ' ').trim())
  return lines.filter((line) => line !== '' && !/^[-─┄+| ]+$/.test(line))
}

/**
 * Is this what the page says? `…` stands for anything in its line, alone in a line for any number of lines.
 * @returns undefined, or what differs, for people
 */
export function differs(actual: string, expected: string): string | undefined {
  const pattern = comparable(expected)
    .map((line) => (line === '…' ? '(?:.*\n)*?' : `${line.split('…').map(escape).join('.*')}\n`))
    .join('')
  const text = comparable(actual)
    .map((line) => `${line}\n`)
    .join('')
  if (new RegExp(`^${pattern}$`).test(text)) return undefined
  return `the page says:\n${expected}\n\nit printed:\n${actual}`
}

function escape(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`)
}
