import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, extname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Hono } from 'hono'
import type { Part } from '../part.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** The build's output for browsers; from `src` and from `dist` it is the same folder. */
const BROWSER = fileURLToPath(new URL('../../dist/browser/', import.meta.url))
const STATIC = fileURLToPath(new URL('../../static/', import.meta.url))

interface Asset {
  readonly type: string
  readonly body: Buffer
}

/** `/` and `/assets/…`: the page. All files are read at the start; a path is never made from a request. */
export const pagePart: Part = () => {
  const assets = readAssets()
  const app = new Hono()
  for (const [path, { type, body }] of assets) {
    app.get(path, (c) => c.body(new Uint8Array(body), 200, { 'content-type': type, 'cache-control': 'no-cache' }))
  }
  return app
}

function readAssets(): Map<string, Asset> {
  const assets = new Map<string, Asset>()
  const add = (path: string, file: string): void => {
    const type = TYPES[extname(file)]
    if (type !== undefined) assets.set(path, { type, body: readFileSync(file) })
  }
  for (const folder of [STATIC, BROWSER]) {
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      add(`/assets/${relative('.', file).split(sep).join('/')}`, join(folder, file))
    }
  }
  add('/', join(STATIC, 'index.html'))
  assets.delete('/assets/index.html')
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'))
  add('/assets/page/uplot.js', join(uplot, 'uPlot.esm.js'))
  add('/assets/vendor/uplot.css', join(uplot, 'uPlot.min.css'))
  return assets
}
