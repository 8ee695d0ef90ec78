import type { ChosenColumn } from '../capture/choose-key.ts'
import { chooseKey } from '../capture/choose-key.ts'
import type { Column, TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'
import type { TransferTable } from '../transfer/transfer.ts'
import type { KeptLog } from './kept-log.ts'
import { findKeptLog } from './kept-log.ts'
import { canReceive } from './types-fit.ts'

/** A slave's table, matched with what arrives for it. */
export interface TargetTable {
  readonly transfer: TransferTable
  readonly description: TableDescription
  /** The slave's columns in the order in which values arrive. */
  readonly columns: readonly Column[]
  readonly key: readonly ChosenColumn[]
  /** The log that the slave keeps of it; null: none. */
  readonly kept: KeptLog | null
}

/**
 * Matches a table of the transfer with the slave's, before any row is touched (cases 111, 112, 148).
 * @throws RservError NO_SUCH_TABLE, TABLE_MISMATCH, NO_KEY, ROW_SECURITY
 */
export async function matchTarget(session: Session, transfer: TransferTable): Promise<TargetTable> {
  const description = await describeTable(session, transfer.table)
  const name = displayName(transfer.table)
  if (!description || !['r', 'p'].includes(description.kind)) {
    throw new RservError('NO_SUCH_TABLE', `slave ${session.database} has no table ${name}`, {
      side: 'slave',
      hint: `Create it as on the master, or give it up: rserv slave-remove-table ${session.database} ${name}`,
    })
  }
  if (description.rowSecurity) {
    throw new RservError('ROW_SECURITY', `row-level security of the slave's ${name} would hide rows from this role`, {
      side: 'slave',
      hint: 'Use a role with BYPASSRLS on the slave, or the owner of a table without FORCE ROW LEVEL SECURITY.',
    })
  }
  const columns = transfer.columns.map((column) => matchColumn(description, column))
  refuseUnfillable(description, columns)
  const key = chooseKey(description, transfer.keyColumns, 'slave')
  return { transfer, description, columns, key, kept: await findKeptLog(session, description.oid) }
}

function matchColumn(table: TableDescription, wanted: { name: string; type: string }): Column {
  const column = table.columns.find(({ name }) => name === wanted.name)
  const where = `the slave's ${displayName(table)}`
  if (!column) {
    throw mismatch(`${where} lacks column ${wanted.name}`, `ALTER TABLE … ADD COLUMN it with type ${wanted.type}.`)
  }
  if (column.generated) {
    throw mismatch(`column ${column.name} of ${where} is generated, the master's is not`, 'Make both the same.')
  }
  if (!canReceive(column.type, wanted.type)) {
    throw mismatch(
      `column ${column.name} of ${where} has type ${column.type}, the master's has ${wanted.type}`,
      'Give it the same type, or a wider one of the same family.',
    )
  }
  return column
}

/** A NOT NULL column without default that nothing arrives for would refuse every new row. */
function refuseUnfillable(table: TableDescription, arriving: readonly Column[]): void {
  const extra = table.columns.find((c) => c.notNull && !c.generated && !c.hasDefault && !arriving.includes(c))
  if (!extra || arriving.length === 0) return
  throw mismatch(
    `column ${extra.name} of the slave's ${displayName(table)} is NOT NULL without default, and the master has no such column`,
    'Give it a default, or drop NOT NULL.',
  )
}

function mismatch(message: string, hint: string): RservError {
  return new RservError('TABLE_MISMATCH', message, { side: 'slave', hint })
}
