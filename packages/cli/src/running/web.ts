import type { Service } from '@rserv/service'
import type { WebServer } from '@rserv/web'
import type { Call } from '../command.ts'
import type { Log } from '../logging/log.ts'
import { text } from '../values.ts'
import { sameServing, serve } from './serve.ts'
import type { Settings } from './settings.ts'

/** The web server, as the configuration of the moment says. */
export class Web {
  readonly #call: Call
  readonly #service: Service
  readonly #log: Log
  #server: WebServer | undefined
  #http: Settings['http']

  constructor(call: Call, service: Service, log: Log) {
    this.#call = call
    this.#service = service
    this.#log = log
  }

  /** What the command line says holds instead. */
  async change(configured: Settings['http']): Promise<void> {
    const { options, context, hide } = this.#call
    const listen = text(options, 'listen') ?? configured?.listen
    const http =
      listen === undefined ? undefined : { listen, tokenFile: text(options, 'tokenFile') ?? configured?.tokenFile }
    if (sameServing(http, this.#http)) return
    await this.close()
    if (http) {
      this.#server = await serve(this.#service, {
        ...http,
        folder: context.cwd,
        hide,
        onError: (error) => this.#log.say('web-error', String(error)),
      })
      const { url } = this.#server
      this.#log.say('listening', `listening on ${url}`, { url })
    }
    this.#http = http
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
    this.#http = undefined
  }
}
