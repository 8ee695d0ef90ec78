/** What the model has seen. */
export function noFigures() {
  return {
    histories: 0,
    happenings: 0,
    promotions: 0,
    switchovers: 0,
    rejoins: 0,
    repoints: 0,
    crashes: 0,
    cuts: 0,
    rivals: 0,
    clocks: 0,
    replaced: 0,
    refused: 0,
    reported: 0,
  }
}

export type Figures = ReturnType<typeof noFigures>
