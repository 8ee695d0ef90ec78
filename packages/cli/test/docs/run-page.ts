import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differs } from './output.ts'
import type { Page, Step } from './page.ts'
import { Shell } from './shell.ts'
import type { Stage } from './stage.ts'

/** Programs that the page needs and this machine does not have. */
export function missing({ scene }: Page): string[] {
  return (scene.needs ?? []).filter((program) => spawnSync(program, ['--version']).error !== undefined)
}

/**
 * Follows a page as a reader does, from its first block to its last.
 * @throws Error with the line of the page and what was printed, when a command fails or prints something else
 */
export async function runPage({ scene, steps }: Page, stage: Stage): Promise<void> {
  using machine = await stage.set(scene)
  try {
    await using shell = new Shell(machine.folder, machine.scripts, { ...machine.env, ...scene.variables })
    if (scene.sh) await runBlock(shell, { kind: 'sh', text: scene.sh, line: 1, fails: false, where: '' })
    for (const step of steps) {
      if (step.kind === 'sh') await runBlock(shell, step)
      else if (step.kind === 'stop') await stage.stop(step.where)
      else if (step.kind === 'start') await stage.start(step.where)
      else if (step.kind === 'file') writeFileSync(join(machine.folder, step.where), step.text)
      else await runSql(step, () => stage.run(step.where, scene, step.text))
    }
  } finally {
    await stage.clear()
  }
}

async function runBlock(shell: Shell, step: Step): Promise<void> {
  const { output, failed } = await shell.run(step.text, step.fails)
  if (failed !== step.fails) {
    const what = failed ? 'a command failed' : 'no command failed, and the page says that one does'
    throw new Error(`line ${step.line}: ${what}\n${step.text}\n\n${output}`)
  }
  const difference = step.output === undefined ? undefined : differs(output, step.output)
  if (difference) throw new Error(`line ${step.line}: ${step.text}\n\n${difference}`)
}

async function runSql(step: Step, run: () => Promise<void>): Promise<void> {
  const error: unknown = await run().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  const place = `line ${step.line}: ${step.text}`
  if (error !== undefined && !step.fails) throw new Error(`${place}\n\n${String(error)}`, { cause: error })
  if (error === undefined && step.fails) throw new Error(`${place}\n\nthe page says that this fails`)
}
