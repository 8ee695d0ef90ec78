import type { Service } from '@rserv/service'
import type { WebServer } from '@rserv/web'
import { pageParts, startWeb } from '@rserv/web'
import type { Call } from '../command.ts'
import type { ListenAddress } from '../listening/address.ts'
import { parseListen } from '../listening/address.ts'
import { givenToken } from '../listening/token.ts'
import type { Log } from '../logging/log.ts'
import { text } from '../values.ts'
import type { Settings } from './settings.ts'

interface Serving extends ListenAddress {
  readonly token: string | undefined
}

/** The web server, as the configuration of the moment says. */
export class Web {
  readonly #call: Call
  readonly #service: Service
  readonly #log: Log
  #server: WebServer | undefined
  #serving: Serving | undefined

  constructor(call: Call, service: Service, log: Log) {
    this.#call = call
    this.#service = service
    this.#log = log
  }

  /** Where to listen, if anywhere. What the command line says holds instead. @throws UsageError */
  wanted(configured: Settings['http']): Serving | undefined {
    const listen = text(this.#call.options, 'listen') ?? configured?.listen
    if (listen === undefined) return undefined
    return { ...parseListen(listen), token: givenToken(this.#call, configured?.tokenFile) }
  }

  /** @throws RservError BAD_ARGUMENT; then what there was goes on, where it can */
  async change(serving: Serving | undefined): Promise<void> {
    const before = this.#serving
    const samePlace = serving?.host === before?.host && serving?.port === before?.port
    if (samePlace && serving?.token === before?.token) return
    if (samePlace) await this.close()
    const server = serving && (await this.#start(serving))
    await this.close()
    this.#server = server
    this.#serving = serving
  }

  async #start(serving: Serving): Promise<WebServer> {
    const onError = (error: unknown): void => this.#log.say('web-error', String(error))
    const server = await startWeb(this.#service, pageParts(), { ...serving, hide: this.#call.hide, onError })
    this.#log.say('listening', `listening on ${server.url}`, { url: server.url })
    return server
  }

  async close(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
    this.#serving = undefined
  }
}
