import type { Call } from '../command.ts'
import { readConfig } from '../config/read.ts'
import { toMasters } from '../config/to-spec.ts'
import type { Settings } from './settings.ts'

/** What a configuration file says now. What cannot pass is tried again and again. @throws UsageError */
export async function fromFile(call: Call, file: string): Promise<Settings> {
  const config = await readConfig(file)
  const masters = await toMasters(config, (database) => call.database(database))
  return { spec: { masters, backends: call.backends }, http: config.http, log: config.log }
}
