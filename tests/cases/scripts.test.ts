import { test } from 'vitest'
import { playScript, runnable, scriptPair } from '../support/script.ts'
import { SCRIPTS } from '../support/scripts.ts'

for (const script of runnable(SCRIPTS)) {
  test(`${script.name}`, async () => {
    await using pair = await scriptPair(script)
    await playScript(pair, script)
  })
}
