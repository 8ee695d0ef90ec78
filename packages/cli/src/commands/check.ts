import type { CheckResult, Finding } from '@rserv/core'
import { check, displayName } from '@rserv/core'
import type { Command } from '../command.ts'
import { EVERYWHERE, TWO_DATABASES } from '../options.ts'
import { count } from '../output.ts'

export const checkCommand: Command = {
  name: 'check',
  historic: 'doctor',
  summary: 'find everything that stands against replication, with the fix for each',
  details:
    `Looks at triggers and functions, tables and keys, privileges, the log and who holds it on the master; at tables, ` +
    `columns, keys, privileges, triggers and the position on each slave given. Changes nothing. docs/guides/check-and-verify.md ` +
    `explains every code. Exit code 1 when there is a problem; warnings and notes alone leave it 0.`,
  arguments: [
    { name: '<masterdb>', help: 'the master' },
    { name: '[slavedbs...]', help: 'slaves to look at as well' },
  ],
  options: [...TWO_DATABASES, ...EVERYWHERE],
  examples: ['check shop', 'check shop shop_copy --json'],
  async run({ args, common, side, backends }) {
    const [masterText, ...slaveTexts] = args
    const master = await side('master', masterText)
    const slaves = []
    for (const slave of slaveTexts) slaves.push(await side('slave', slave))
    const result = await check(master, slaves, { ...common, backends })
    return { json: result, text: describe(result), failed: result.problems > 0 }
  },
}

function describe({ findings, problems, warnings }: CheckResult): string {
  const notes = findings.length - problems - warnings
  const sum = [count(problems, 'problem'), count(warnings, 'warning'), count(notes, 'note')].join(', ')
  return [...findings.flatMap(lines), findings.length === 0 ? 'Nothing found: all is well' : sum].join('\n')
}

function lines({ code, severity, side, database, table, text, fix }: Finding): string[] {
  const where = table ? `${side} ${database}, ${displayName(table)}` : `${side} ${database}`
  return [`${severity.toUpperCase()} ${code}: ${where}: ${text}`, `  fix: ${fix}`]
}
