const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
] as const

/** Seconds for people, with two digits or so: `<0.1 s`, `0.4 s`, `12 s`, `3 min`, `2.5 h`. */
export function duration(seconds: number): string {
  if (seconds > 0 && seconds < 0.05) return '<0.1 s'
  const [unit, size] = UNITS.find(([, least]) => seconds >= least) ?? ['s', 1]
  const amount = seconds / size
  return `${amount < 10 ? Number(amount.toFixed(1)) : Math.round(amount)} ${unit}`
}
