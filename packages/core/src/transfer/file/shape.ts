import { z } from 'zod'
import type { Held, Reign } from '../lineage.ts'
import type { Script } from '../../ddl/script.ts'
import type { QualifiedName } from '../../shared/names.ts'
import type { TransferHeader, TransferTable, TransferTrailer } from '../transfer.ts'
import { badSnapshot } from './frames.ts'

// What the JSON of a file's frames must look like. Other fields may be there too.

const digits = z.string().regex(/^\d+$/)
const position = z.string().regex(/^\d+:\d+:(\d+(,\d+)*)?$/)
const word = z.string().min(1)

const name: z.ZodType<QualifiedName> = z.object({ schema: z.string(), name: z.string() })

const table: z.ZodType<TransferTable> = z.object({
  tableId: z.number(),
  table: name,
  mode: z.enum(['copy', 'changes', 'unchanged']),
  keyColumns: z.array(z.string()),
  columns: z.array(z.object({ name: z.string(), type: z.string() })),
})

const held: z.ZodType<Held> = z.object({
  origin: word,
  syncId: digits,
  position,
  token: z.string().nullable(),
  life: z.string().nullable(),
})

const reign: z.ZodType<Reign> = z.object({ cluster: word, generation: z.number(), master: word })

const script: z.ZodType<Script> = z.object({
  id: digits,
  token: word,
  text: z.string(),
  checksum: z.string(),
  searchPath: z.string(),
  effects: z.array(
    z.object({
      before: name,
      after: name.nullable(),
      keyColumns: z.array(z.string()),
      rows: z.enum(['same', 'filled', 'whole']),
      filled: z.record(z.string(), z.string()),
    }),
  ),
  skip: z.boolean(),
})

/** Looked at before the rest of the header, which another format may have otherwise. */
export const FORMAT_OF: z.ZodType<{ format: number }> = z.object({ format: z.number() })

export const HEADER: z.ZodType<TransferHeader> = z.object({
  origin: word,
  originDatabase: z.string(),
  server: z.object({ id: z.number(), name: word, nodeId: z.string().nullable() }),
  syncId: digits,
  token: word,
  encoding: z.enum(['UTF8', 'SQL_ASCII']),
  given: z.array(z.object({ syncId: digits, token: z.string() })),
  from: position.nullable(),
  to: position,
  life: z.string().nullable().exactOptional(),
  lineage: z.array(held).exactOptional(),
  reigns: z.array(reign).exactOptional(),
  tables: z.array(table),
  script: script.exactOptional(),
})

export const SECTION: z.ZodType<{ tableId: number }> = z.object({ tableId: z.number() })

export const END: z.ZodType<{ rows: number }> = z.object({ rows: z.number() })

export const TRAILER: z.ZodType<TransferTrailer> = z.object({
  sequences: z.array(
    z.object({
      sequence: name,
      table: name.nullable(),
      column: z.string().nullable(),
      lastValue: z.string().regex(/^-?\d+$/),
      isCalled: z.boolean(),
    }),
  ),
})

/**
 * The value itself, not what the library makes of it: that lacks a column named __proto__.
 * @throws RservError BAD_SNAPSHOT
 */
export function shaped<T>(shape: z.ZodType<T>, value: unknown, part: string): T {
  const { error } = shape.safeParse(value)
  if (error) throw badSnapshot(`its ${part} is incomplete`, error)
  return value as T
}
