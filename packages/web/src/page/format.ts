const WHOLE = new Intl.NumberFormat('en')
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']

/** A number that may be unknown. */
export function count(value: number | null): string {
  return value === null ? '–' : WHOLE.format(Math.round(value))
}

/** `1 row`, `2 rows`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** Binary steps, as PostgreSQL's pg_size_pretty. */
export function bytes(value: number | null): string {
  if (value === null) return '–'
  const step = Math.min(UNITS.length - 1, value < 1024 ? 0 : Math.floor(Math.log2(value) / 10))
  const number = value / 1024 ** step
  return `${step > 0 && number < 10 ? number.toFixed(1) : Math.round(number)} ${UNITS[step]}`
}

/** `0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`. */
export function seconds(value: number | null): string {
  if (value === null) return '–'
  if (value <= 0) return '0 s'
  if (value < 10) return `${value.toFixed(1)} s`
  const whole = Math.round(value)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`
}

/** For an axis: `30 s`, `5 min`, `2 h`. */
export function shortSeconds(value: number): string {
  if (value < 60) return `${value} s`
  return value < 3600 ? `${round(value / 60)} min` : `${round(value / 3600)} h`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** Time of day here, `14:03:07`; with the date where it is another day. */
export function time(iso: string): string {
  const date = new Date(iso)
  if (Number.isNaN(date.getTime())) return iso
  const day = date.toDateString() === new Date().toDateString() ? '' : `${dateText(date)} `
  return `${day}${[date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(':')}`
}

function dateText(date: Date): string {
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()].map(twoDigits).join('-')
}

function twoDigits(number: number): string {
  return String(number).padStart(2, '0')
}

/** `public.orders`; for display only. */
export function tableName({ schema, name }: { schema: string; name: string }): string {
  return schema === 'public' ? name : `${schema}.${name}`
}
