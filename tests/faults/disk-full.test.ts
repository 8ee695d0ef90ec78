import { follow, replicate } from '@rserv/core'
import { startServer } from '@rserv/embedded'
import { testMajor } from '@rserv/test-utils'
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { expectAsOf, installAudit } from '../support/audit.ts'
import { replicatedPair } from '../support/pair.ts'
import { settle } from '../support/settle.ts'

const MEGABYTE = 1024 * 1024

interface SmallDisk extends Disposable {
  readonly folder: string
  /** Leaves so many megabytes free. */
  fill(freeMegabytes: number): void
  free(): void
}

/** A file system of its own in memory; undefined where this account may not mount one. */
function mountSmallDisk(megabytes: number): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'rserv-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
  chmodSync(folder, 0o755)
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill(freeMegabytes) {
      const { bavail, bsize } = statfsSync(folder)
      writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - freeMegabytes * MEGABYTE)))
    },
    free: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]() {
      // A process that ends may still be in it.
      execFileSync('umount', ['-l', folder])
      rmSync(folder, { recursive: true })
    },
  }
}

const disk = mountSmallDisk(260)
disk?.[Symbol.dispose]()

test.skipIf(!disk)(
  `case 147: the slave’s disk is full: nothing half applied, and on it goes when there is space${disk ? '' : ' (skipped: only root may mount a small file system)'}`,
  { timeout: 240_000 },
  async () => {
    using small = mountSmallDisk(260)
    if (!small) throw new Error('skipped')
    const settings = { max_wal_size: '32MB', min_wal_size: '32MB', wal_keep_size: '0', fsync: 'off', autovacuum: 'off' }
    await using slave = await startServer({ major: testMajor(), dir: join(small.folder, 'cluster'), settings })
    await using pair = await replicatedPair('create table t (id int primary key, v text)', {
      servers: { slave: slave.config() },
    })
    await installAudit(pair.master, ['t'])
    await pair.master.query(`insert into t select i, repeat(md5(i::text), 10) from generate_series(1, 50000) i`)
    const refused: string[] = []
    for (const free of [20, 10, 2]) {
      small.fill(free)
      const error = await replicate(pair.master.config, pair.slave.config).then(
        () => null,
        (reason: { code: string; sqlState?: string }) => reason.sqlState ?? reason.code,
      )
      refused.push(error ?? 'applied')
      small.free()
      // Where the server could not write its log, it ends.
      await slave.stop('immediate', { keepFolder: true })
      await slave.start()
      await pair.slave.reconnect()
      await expectAsOf(pair.master, pair.slave, ['t'])
    }
    expect(refused).not.toContain('applied')
    expect(refused).toContain('53100')
    await settle(() => pair.sync())
    await pair.expectEqual('t')
    // The same for one who follows: it tries again until it can.
    small.fill(1)
    const stop = new AbortController()
    const seen: string[] = []
    await pair.master.query(`update t set v = v || 'x'`)
    for await (const { kind } of follow(pair.master.config, pair.slave.config, { stop: stop.signal, retryMs: 500 })) {
      seen.push(kind)
      if (kind === 'failed') {
        small.free()
        await slave.stop('immediate', { keepFolder: true })
        await slave.start()
      }
      if (kind === 'applied') stop.abort()
    }
    expect(seen).toContain('failed')
    await pair.slave.reconnect()
    await pair.expectEqual('t')
  },
)
