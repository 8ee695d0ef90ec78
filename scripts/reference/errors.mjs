import ts from 'typescript'
import { docOfMember, find, parse } from './comments.mjs'
import { code, head, table } from './markdown.mjs'

const ERRORS = 'packages/core/src/shared/errors.ts'
const SERVER = 'packages/core/src/database/server-errors.ts'
/** What the command line adds; see report.ts of it. */
const OF_THE_COMMAND_LINE = [
  ['USAGE', 'The command line makes no sense; nothing was tried. Exit code 2.'],
  ['INTERNAL', 'A mistake of rserv itself. `--debug` shows where; please report it.'],
]

/** docs/reference/errors.md */
export function errorsPage(problem) {
  const union = find(
    parse(ERRORS),
    (node) => ts.isTypeAliasDeclaration(node) && node.name.text === 'ErrorCode',
    'ErrorCode',
  )
  const rows = union.type.types.map((member, index, all) => {
    const name = member.literal.text
    const doc = docOfMember(member, all[index - 1]?.getEnd() ?? union.type.pos)
    if (!doc) problem(`${ERRORS}: ${name} has no comment that says when it is raised`)
    return [code(name), doc ?? '']
  })
  return [
    ...head(
      'Error codes',
      ERRORS,
      `Every error has a stable code, a message for people, most have a hint that says what to do, and the side it happened ` +
        `on. Nothing is left half done. With \`--json\` a command prints \`{"error": {"code", "message", "hint", "sqlState"}}\` ` +
        `on standard output; in TypeScript it is an \`RservError\`. Messages may change, codes do not.`,
    ),
    '',
    ...table(['code', 'when'], [...rows, ...OF_THE_COMMAND_LINE.map(([name, text]) => [code(name), text])]),
    '',
    '## Errors of the server',
    '',
    'What PostgreSQL itself refuses has its SQLSTATE in `sqlState`. These are told with a code and a hint; any other is `SQL`.',
    '',
    ...table(['SQLSTATE', 'code', 'what to do'], serverErrors()),
  ].join('\n')
}

function serverErrors() {
  const known = find(
    parse(SERVER),
    (node) => ts.isVariableDeclaration(node) && node.name.getText() === 'KNOWN',
    'KNOWN',
  )
  return known.initializer.properties.map(({ name, initializer }) => {
    const [errorCode, hint] = initializer.elements.map((element) => element.text)
    return [code(name.text), code(errorCode), hint]
  })
}
