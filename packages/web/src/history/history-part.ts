import { Hono } from 'hono'
import type { Part } from '../part.ts'
import { Recorder } from './recorder.ts'

/** `/api/history`: an hour of every slave's lag, and the last happenings, for a page that is opened now. */
export const historyPart: Part = ({ feed, closing }) => {
  const recorder = new Recorder(() => feed.now())
  closing.addEventListener('abort', () => recorder[Symbol.dispose]())
  return new Hono().get('/api/history', (c) => c.json(recorder.history()))
}
