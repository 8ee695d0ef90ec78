/** What a running service tells over HTTP: metrics, health, its state as it changes, and a page to look at. */
export type { DemoHost } from './demo/host.ts'
export { isLoopback } from './guard/addresses.ts'
export type { Part, Site, Watched } from './part.ts'
export type { WebOptions, WebServer } from './server.ts'
export { startWeb } from './server.ts'
export { pageParts } from './site/page-parts.ts'
