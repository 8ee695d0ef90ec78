/** Real PostgreSQL servers from npm, for demonstrations and tests. */
export { EmbeddedError } from './errors.ts'
export type { Server, StartOptions } from './server.ts'
export { startServer } from './server.ts'
