import type { Contender } from './contender.ts'

const nothing = async (): Promise<void> => undefined

/** No replication at all. */
export const none: Contender = {
  name: 'none',
  capture: nothing,
  join: nothing,
  copy: nothing,
  catchUp: nothing,
  follow: async () => ({ pid: 0, stop: nothing }),
  leave: nothing,
}
