const [WIDTH, HEIGHT, LEFT, TOP, BOTTOM] = [1200, 420, 60, 30, 60]
const COLORS = ['#1f77b4', '#d95f02', '#1b9e77']

/**
 * Lag over time as an SVG: a line for each slave, gaps while its server was away, a tick for each blow.
 * @param lags by slave: `[seconds, seconds behind | null]`
 * @param events `{ at: seconds, what }`
 */
export function lagChart(lags, events) {
  const series = [...lags]
  const end = Math.max(1, ...series.flatMap(([, points]) => points.map(([at]) => at)))
  const most = Math.max(1, ...series.flatMap(([, points]) => points.map(([, lag]) => lag ?? 0)))
  const x = (at) => (LEFT + (at / end) * (WIDTH - LEFT - 20)).toFixed(1)
  const y = (lag) => (HEIGHT - BOTTOM - (Math.sqrt(lag) / Math.sqrt(most)) * (HEIGHT - TOP - BOTTOM)).toFixed(1)
  const lines = series.map(([, points], index) => {
    const path = points.map(([at, lag], place) => {
      if (lag === null) return ''
      return `${place === 0 || points[place - 1][1] === null ? 'M' : 'L'}${x(at)} ${y(lag)}`
    })
    return `<path d="${path.join('')}" fill="none" stroke="${COLORS[index % COLORS.length]}" stroke-width="1.2"/>`
  })
  const ticks = events.map(
    ({ at, what }) =>
      `<line x1="${x(at)}" x2="${x(at)}" y1="${HEIGHT - BOTTOM}" y2="${HEIGHT - BOTTOM + 8}" stroke="#888"><title>${escape(what)}</title></line>`,
  )
  const legend = series.map(
    ([name], index) =>
      `<text x="${LEFT + 110 * index}" y="20" fill="${COLORS[index % COLORS.length]}">slave ${escape(name)}</text>`,
  )
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${[...yLabels(most, y), ...xLabels(end, x), ...lines, ...ticks, ...legend].join('\n')}
<text x="${WIDTH - 20}" y="20" text-anchor="end" fill="#555">seconds behind (square-root scale); ticks below: restarts and the like</text>
</svg>
`
}

function yLabels(most, y) {
  const steps = [0, 0.1, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500].filter((step) => step <= most)
  return steps.map(
    (step) =>
      `<line x1="${LEFT}" x2="${WIDTH - 20}" y1="${y(step)}" y2="${y(step)}" stroke="#ddd"/><text x="${LEFT - 6}" y="${Number(y(step)) + 4}" text-anchor="end" fill="#555">${step} s</text>`,
  )
}

function xLabels(end, x) {
  const minutes = end / 60
  const step = [0.5, 1, 2, 5, 10, 15, 30, 60].find((one) => minutes / one <= 12) ?? 120
  return Array.from({ length: Math.floor(minutes / step) + 1 }, (_, index) => index * step).map(
    (minute) =>
      `<text x="${x(minute * 60)}" y="${HEIGHT - BOTTOM + 26}" text-anchor="middle" fill="#555">${minute} min</text>`,
  )
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
