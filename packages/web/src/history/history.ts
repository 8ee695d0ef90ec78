import type { Activity } from './activity.ts'
import type { LagSamples } from './lag-series.ts'

/** What a page that is opened now shows of the time before. */
export interface History {
  /** Unix time here, seconds: the reader's clock may differ. */
  readonly now: number
  readonly lag: LagSamples
  /** Oldest first. */
  readonly activity: readonly Activity[]
}
