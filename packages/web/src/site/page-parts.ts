import { demoPart } from '../demo/demo-part.ts'
import type { DemoHost } from '../demo/host.ts'
import { historyPart } from '../history/history-part.ts'
import type { Part } from '../part.ts'
import { pagePart } from './page-part.ts'

/** The page to look at, at `/`. @param demo null: without the demonstration, the page changes nothing */
export function pageParts(demo: DemoHost | null = null): readonly Part[] {
  return [historyPart, pagePart, demoPart(demo)]
}
