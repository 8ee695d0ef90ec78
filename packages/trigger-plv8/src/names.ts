import type { CaptureTable, QualifiedName } from '@rserv/core'

/** What a function of the capture does; each is one of body.ts. */
export type Part = 'start' | 'collectNew' | 'collectOld' | 'flush' | 'writeNew' | 'writeOld' | 'truncate'

/** The functions of a table: buffered only where statement triggers can be relied upon. */
export function parts(table: CaptureTable): readonly Part[] {
  const buffered: readonly Part[] = ['start', 'collectNew', 'collectOld', 'flush']
  return [...(table.granularity === 'statement' ? buffered : []), 'writeNew', 'writeOld', 'truncate']
}

export function functionName(table: CaptureTable, part: Part): QualifiedName {
  return { schema: 'rserv', name: `capture_${table.tableId}_v8_${part.toLowerCase()}` }
}

/** Short by its number, so that PostgreSQL never cuts two long names to the same one (case 84). */
export function triggerName(table: CaptureTable, event: string): string {
  return `rserv_${table.tableId}_v8_${event}`
}
