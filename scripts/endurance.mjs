// npm run endurance -- --minutes 60 [--seed N] [--rate 150] [--out FOLDER] [--major 18]: `rserv run` with three slaves
// under pgbench, while every part of it is restarted at random. Ends with equal sides, or exit code 1; writes
// endurance.json (figures) and lag.svg.
import { setUp } from './workspace.mjs'

setUp()
// What it imports is there only now.
await import('./endurance/run.mjs')
