import { z } from 'zod'
import { duration, size } from './units.ts'

const name = z
  .string()
  .regex(/^[^\s/]+$/, 'a name without spaces and slashes')
  .describe('What events, metrics and the page call it.')

const database = z
  .string()
  .min(1)
  .describe(
    'A database: a name, a postgres:// URI, or a libpq string such as "host=db1 dbname=shop user=repl". Best without a ' +
      'password: those come from ~/.pgpass, or by a service file.',
  )

const throttle = z
  .strictObject({
    rows: z.number().positive().optional().describe('Most rows a second, on average.'),
    bytes: size.optional().describe('Most bytes a second, on average.'),
    pause: duration.optional().describe('Least time from the end of a transfer to the next.'),
  })
  .describe('Bounds what is transferred. What rserv throttle says holds instead.')

const pace = z
  .strictObject({
    idle: duration.optional().describe('Most time between two looks at an idle master; default 0.2 s.'),
    busy: duration
      .optional()
      .describe('Most time from one transfer to the next that a busy master is left alone; default 0.3 s.'),
    retry: duration.optional().describe('Most time between two attempts after failures; default 30 s.'),
    parked: duration.optional().describe('Time between two attempts at a table that was left out; default 60 s.'),
  })
  .describe('How often to look and to try. The defaults are good.')

const copy = z
  .strictObject({
    jobs: z.int().positive().optional().describe('Large new tables that are copied at once; default 4.'),
  })
  .describe('How new tables are copied.')

const slave = z.strictObject({
  name: name.describe('What events, metrics and the page call it; and the master, from the first transfer on.'),
  database,
  paused: z.boolean().optional().describe('Transfer nothing; default false.'),
  throttle: throttle.optional(),
  copy: copy.optional(),
  pace: pace.optional(),
})

const clean = z
  .union([
    z.literal(false),
    z.strictObject({
      every: duration.optional().describe('How often; default 60 s.'),
      keep: duration.optional().describe('Log rows younger than this stay, although every slave has them; default 0.'),
    }),
  ])
  .describe('When log rows that every slave has are removed; false: never.')

const SMALLEST_LIMIT = 16 * 1024 * 1024

const logLimit = z
  .strictObject({
    size: size
      .refine((bytes) => bytes >= SMALLEST_LIMIT, 'at least 16MB: a log of some tables has that without a fault')
      .describe('Heap and indexes of all logs of the master together.'),
    over: z
      .enum(['warn', 'detach'])
      .optional()
      .describe(
        'warn (default): tell it. detach: keep the log for the slowest slave no longer, rather than fill the disk of the ' +
          'master; that slave must be resynced.',
      ),
  })
  .describe('What the log of the master is not to pass.')

const master = z.strictObject({
  name,
  database,
  slaves: z.array(slave).min(1).describe('The databases that are kept up with it.'),
  clean: clean.optional(),
  logLimit: logLimit.optional(),
})

const http = z
  .strictObject({
    listen: z
      .string()
      .regex(/^\S*:\d{1,5}$/, 'HOST:PORT, for example 127.0.0.1:8432')
      .describe('HOST:PORT. Any but a loopback address needs a token.'),
    tokenFile: z
      .string()
      .min(1)
      .optional()
      .describe('File whose first line is the token that whoever asks must have; default: the token in RSERV_TOKEN.'),
  })
  .describe('Serves metrics, health and the state.')

const log = z
  .strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error']).optional().describe('Lines below are left out; default info.'),
    format: z.enum(['text', 'json']).optional().describe('Default text.'),
  })
  .describe('What is written to standard output.')

/** The configuration file of `rserv run`. */
export const configSchema = z
  .strictObject({
    masters: z.array(master).min(1).describe('Masters, each with its slaves.'),
    http: http.optional(),
    log: log.optional(),
  })
  .describe('What rserv run keeps up.')

/** As it is after the check: durations in seconds, sizes in bytes. */
export type Config = z.output<typeof configSchema>
export type MasterConfig = Config['masters'][number]
export type SlaveConfig = MasterConfig['slaves'][number]

/** The same for editors, as a JSON schema. */
export function configJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(configSchema, { io: 'input' })
  return { $schema, title: 'Configuration of rserv run', ...schema }
}
