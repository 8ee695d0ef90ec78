/** First lines of a generated page. */
export function head(title, source, intro) {
  return [`# ${title}`, '', `<!-- Made from ${source} by npm run reference: do not edit. -->`, '', intro]
}

/** A table; cells are Markdown on one line. */
export function table(titles, rows) {
  return [row(titles), row(titles.map(() => '---')), ...rows.map(row)]
}

function row(cells) {
  return `| ${cells.map((text) => text.replaceAll('\n', ' ').replaceAll('|', String.raw`\|`)).join(' | ')} |`
}

export function code(text) {
  return text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
}

/** Plain text, such as a help text, as Markdown. */
export function plain(text) {
  return text.replaceAll(/[\\`*_<>[\]]/g, String.raw`\$&`)
}

/** Ends with a full stop and starts with a capital letter. */
export function sentence(text) {
  const start = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?:]$/.test(start) ? start : `${start}.`
}
