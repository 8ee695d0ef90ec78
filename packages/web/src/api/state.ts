import { Hono } from 'hono'
import type { Part } from '../part.ts'

/** `/api/state`: the ServiceState as JSON. */
export const statePart: Part = ({ feed }) =>
  new Hono().get('/api/state', (c) => c.body(feed.shown().json, 200, { 'content-type': 'application/json' }))
