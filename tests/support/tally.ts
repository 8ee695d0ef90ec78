/** Prints what a fault test went through, for the page `docs/explanation/how-we-know.md`. A difference would have failed the test. */
export function tally(what: string, figures: Readonly<Record<string, number>>): void {
  const text = Object.entries(figures).map(([name, figure]) => `${figure} ${name}`)
  process.stdout.write(`FAULTS ${what}: ${text.join(', ')}, 0 differences\n`)
}
