import { countTriggers, needsRowTriggers } from '../capture/install.ts'
import { refuseUnsupported } from '../capture/refuse-table.ts'
import type { ReplicatedTable } from '../capture/replicated-tables.ts'
import type { TableDescription } from '../database/describe-table.ts'
import { describeTable } from '../database/describe-table.ts'
import type { Session } from '../database/session.ts'
import { RservError } from '../shared/errors.ts'
import { displayName } from '../shared/names.ts'

/**
 * Is the table still the one that was captured, with all its triggers (cases 23, 75, 76)? A table that is not would
 * lose changes in silence.
 * @throws RservError CAPTURE_BROKEN, ROW_SECURITY, UNSUPPORTED_TABLE
 */
export async function checkSource(session: Session, table: ReplicatedTable): Promise<TableDescription> {
  const name = displayName(table.table)
  const description = await describeTable(session, table.table)
  if (!description) throw broken(`table ${name} is captured but no longer there under this name`)
  if (description.oid !== table.oid) throw broken(`table ${name} was dropped and created again`)
  refuseUnsupported(description, session.side)
  for (const key of table.keyColumns) {
    if (description.columns.some((column) => column.name === key)) continue
    throw broken(`key column ${key} of table ${name} is gone`)
  }
  if (table.granularity === 'statement' && needsRowTriggers(description)) {
    throw broken(`table ${name} inherits from another table now: statements that name its parent are not captured`)
  }
  const triggers = await countTriggers(session, table.oid)
  if (triggers !== table.triggerCount) {
    throw broken(
      `table ${name} has ${triggers} of ${table.triggerCount} capture triggers enabled: changes may be missing`,
    )
  }
  return description
}

function broken(message: string): RservError {
  return new RservError('CAPTURE_BROKEN', message, {
    side: 'master',
    hint:
      'Run master-remove-table and master-add-table for it, and on each slave slave-remove-table and slave-add-table: ' +
      'the next replicate copies it whole.',
  })
}
