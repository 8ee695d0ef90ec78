import { displayName, masterAddSequences, masterRemoveSequences } from '@rserv/core'
import type { Call, Command } from '../command.ts'
import { EVERYWHERE, ONE_DATABASE } from '../options.ts'

const ARGUMENTS = [
  { name: '<masterdb>', help: 'the master' },
  { name: '<sequences...>', help: `sequences as in SQL, or patterns such as 'billing.*'` },
]

function named({ args }: Call): string[] {
  return args.slice(1).filter((name) => name !== undefined)
}

export const masterAddSequenceCommand: Command = {
  name: 'master-add-sequence',
  summary: 'let slaves keep up with sequences that belong to no table',
  details:
    `Sequences that a column of a captured table owns, or uses in its default, keep up by themselves. Any other one is ` +
    `named here; every slave that has a sequence of the same name moves it forward with each transfer, never back.`,
  arguments: ARGUMENTS,
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-add-sequence shop invoice_number', `master-add-sequence shop 'billing.*'`],
  async run(call) {
    const master = await call.database(call.args[0])
    const result = await masterAddSequences(master, { ...call.common, sequences: named(call) })
    const lines = result.sequences.map(
      ({ sequence, outcome }) =>
        `${displayName(sequence)}: ${outcome === 'added' ? 'slaves keep up with it' : 'was registered already'}`,
    )
    return { json: result, text: lines.join('\n') }
  },
}

export const masterRemoveSequenceCommand: Command = {
  name: 'master-remove-sequence',
  summary: 'slaves keep up with such sequences no longer',
  arguments: ARGUMENTS,
  options: [...ONE_DATABASE, ...EVERYWHERE],
  examples: ['master-remove-sequence shop invoice_number'],
  async run(call) {
    const master = await call.database(call.args[0])
    const result = await masterRemoveSequences(master, { ...call.common, sequences: named(call) })
    const lines = result.sequences.map(({ sequence }) => `${displayName(sequence)}: no longer kept up with`)
    return { json: result, text: lines.join('\n') }
  },
}
