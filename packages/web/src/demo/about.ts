/** What the page must know of the demonstration: the names to choose from. */
export interface DemoAbout {
  readonly masters: readonly string[]
  readonly slaves: readonly string[]
}
