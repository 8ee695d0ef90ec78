import type { TransferResult } from '@rserv/core'
import { masterAddTables, masterInit, replicate, RservError, slaveAddTables, slaveInit } from '@rserv/core'
import type { DemoHost } from './host.ts'
import { createTestTable, enterText, findText, hasTestTable, isReplicated, TEST_TABLE } from './test-table.ts'

/** What the window of 2000 had in its entries. */
export interface Entries {
  readonly master: string
  readonly slave: string
  readonly text: string
}

/** What the demonstration's buttons do; each is one call, and throws RservError where it fails. */
export class Demonstration {
  readonly #host: DemoHost

  constructor(host: DemoHost) {
    this.#host = host
  }

  /** Writes the text on the master. */
  async update({ master, text }: Entries): Promise<'inserted' | 'updated'> {
    return enterText(await this.#host.database('master', master), required(text))
  }

  /** One transfer. */
  async replicate({ master, slave }: Entries): Promise<TransferResult> {
    const [from, to] = [await this.#host.database('master', master), await this.#host.database('slave', slave)]
    return this.#host.alone(slave, () => replicate(from, to))
  }

  /** The text as the slave has it; null where it does not. */
  async show({ slave, text }: Entries): Promise<string | null> {
    return findText(await this.#host.database('slave', slave), required(text))
  }

  /** Why the two cannot show it; null where they can. */
  async missing({ master, slave }: Entries): Promise<string | null> {
    try {
      const [from, to] = [await this.#host.database('master', master), await this.#host.database('slave', slave)]
      for (const side of [from, to]) {
        if (!(await hasTestTable(side))) return `${side.database} has no table test with a column for text.`
      }
      if (!(await isReplicated(from, 'master'))) return `The table test of ${master} is not captured.`
      return (await isReplicated(to, 'slave')) ? null : `${slave} does not take the table test.`
    } catch (error) {
      if (error instanceof RservError) return error.message
      throw error
    }
  }

  /** Makes the table on both sides, and what replicates it. What is there already stays. */
  async setUp({ master, slave }: Entries): Promise<void> {
    const { backends } = this.#host
    const [from, to] = [await this.#host.database('master', master), await this.#host.database('slave', slave)]
    await createTestTable(from)
    await createTestTable(to)
    await masterInit(from, { backends })
    await slaveInit(to)
    await masterAddTables(from, { tables: [TEST_TABLE], backends })
    await slaveAddTables(to, { tables: [TEST_TABLE] })
  }
}

function required(text: string): string {
  if (text !== '') return text
  throw new RservError('BAD_ARGUMENT', 'there is no text in the entry', { hint: 'Type one to the right of Update.' })
}
