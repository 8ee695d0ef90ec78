/** Shorter ones would blacken innocent text. */
const SHORTEST_SECRET = 4

/** Takes passwords out of a text that people will see: those of URIs, of `password=`, and the given secrets. */
export function redact(text: string, secrets: readonly string[]): string {
  let clean = text
    .replace(/(postgres(?:ql)?:\/\/[^\s:/@]*):[^\s]*@/g, '$1:***@')
    .replace(/(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s'&]+)/gi, '$1***')
  for (const secret of secrets) if (secret.length >= SHORTEST_SECRET) clean = clean.replaceAll(secret, '***')
  return clean
}
