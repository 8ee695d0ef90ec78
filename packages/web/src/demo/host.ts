import type { BackendResolver } from '@rserv/core'
import type { ClientConfig } from 'pg'

/** What the demonstration needs of the program that shows it. */
export interface DemoHost {
  /** Names to choose from; the first of each is what the entries have at the start. */
  readonly masters: readonly string[]
  readonly slaves: readonly string[]
  readonly backends: BackendResolver
  /** How to reach a database as the user names it. @throws RservError BAD_ARGUMENT for a name that it does not take */
  database(side: 'master' | 'slave', name: string): Promise<ClientConfig>
  /** Runs work while nothing else replicates to the slave. */
  alone<T>(slave: string, work: () => Promise<T>): Promise<T>
  /** Lets the slave follow by itself, or not; false: nobody can, for this slave. */
  follow(slave: string, on: boolean): Promise<boolean>
  /** Blackens secrets. */
  hide(text: string): string
  /** Ends the program. May be called twice. */
  quit(): void
}
