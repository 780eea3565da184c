import { simulate } from "./simulate.ts";

/**
 * Plays every `step`th seed from `first` on, below `end`; a line of JSON for each that fails, and one
 * when it is through.
 *
 *   node test/simulation/seeds.ts FIRST END STEP
 */
const [first = 0, end = 0, step = 1] = process.argv.slice(2).map(Number);
let events = 0;
for (let seed = first; seed < end; seed += step) {
  const result = await simulate(seed);
  events += result.steps;
  if (result.violations.length > 0) console.log(JSON.stringify(result));
}
console.log(JSON.stringify({ events }));
