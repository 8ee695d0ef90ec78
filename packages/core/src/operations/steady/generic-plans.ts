import type { Known } from './known.ts'
import { FEW_TABLES } from './known.ts'

/**
 * Statements around one that asks for a version. With few tables the functions' plans are made once: the server would plan
 * them anew each time, in three times the time that they run, because it expects plans for known tables to be better. With
 * many tables they are.
 */
export function withGenericPlans({ plan }: Pick<Known, 'plan'>, statement: string): string[] {
  if (plan.tables.length > FEW_TABLES) return [statement]
  return ['set local plan_cache_mode = force_generic_plan', statement, 'set local plan_cache_mode = default']
}
