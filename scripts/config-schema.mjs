// npm run schema: writes the JSON schema of the configuration file, for editors, from its check.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bin, ROOT, run, setUp } from './workspace.mjs'

setUp()
const CLI = join(ROOT, 'packages', 'cli')
const { configJsonSchema } = await import(pathToFileURL(join(CLI, 'dist', 'config', 'schema.js')).href)
const file = join(CLI, 'schema', 'rserv.schema.json')
writeFileSync(file, `${JSON.stringify(configJsonSchema(), null, 2)}\n`)
run(bin('oxfmt'), [file])
