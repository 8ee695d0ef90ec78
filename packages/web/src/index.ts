/** What a running service tells over HTTP: metrics, health, its state as it changes, and the pages that others add. */
export type { Part, Site, Watched } from './part.ts'
export type { WebOptions, WebServer } from './server.ts'
export { startWeb } from './server.ts'
