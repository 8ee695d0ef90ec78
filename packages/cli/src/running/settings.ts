import type { ServiceSpec } from '@rserv/service'
import type { Config } from '../config/schema.ts'

/** What `rserv run` was told, by a file or by arguments. */
export interface Settings {
  readonly spec: ServiceSpec
  readonly http?: Config['http']
  readonly log?: Config['log']
}
