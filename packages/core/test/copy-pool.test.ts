import { expect, test } from 'vitest'
import type { CopyJob } from '../src/operations/copy/choose-apart.ts'
import { CopyPool } from '../src/operations/copy/copy-pool.ts'

const table = { schema: 'public', name: 'a' }

/** All that is looked at where no server is reached. */
const job = { table: { table }, serverId: 1, size: { rows: null, bytes: 0 } } as CopyJob

test('a table that could not be copied is kept from the ordinary transfer until somebody has been told', async () => {
  const nobody = { host: '127.0.0.1', port: 1, user: 'nobody', database: 'none' }
  await using pool = new CopyPool({ master: nobody, slave: nobody }, {})
  pool.add([job], '00000000-0000-0000-0000-000000000000')
  await pool.settled()
  expect({ busy: pool.busy, has: pool.has(table), now: pool.now()(table) }).toEqual({
    busy: false,
    has: true,
    now: true,
  })
  expect(pool.takeFailures()).toMatchObject([{ code: 'CONNECT' }])
  expect({ has: pool.has(table), now: pool.now()(table) }).toEqual({ has: false, now: false })
})
