import { parseArgs } from "node:util";
import { buildWorkingAgentImage } from "../support/working-agent/image.ts";
import { planOf } from "./plan.rules.ts";
import { runSeeds } from "./seeds.ts";
import { table } from "./table.ts";

/*
 * npm run chaos -- --seed N      one seed, every step on a line of its own
 * npm run chaos -- --seeds 40    seeds 1 to 40, and a table of them; --from N begins elsewhere
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    quiet: { type: "boolean", default: false },
  },
});
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds ?? 10) : 1;
const plans = Array.from({ length: count }, (_, index) => planOf(from + index));
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
await buildWorkingAgentImage();
const results = await runSeeds(plans, {
  print: (line) => {
    if (!values.quiet) console.log(line);
  },
  report: console.log,
  signal: stopping.signal,
});
if (count > 1) console.log(table(results));
const right = results.filter(({ wrong }) => wrong.length === 0).length;
process.exitCode = right === plans.length ? 0 : 1;
