import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { buildWorkingAgentImage, WORKING_AGENT_IMAGE } from "../support/working-agent/image.ts";
import type { SeedResult } from "./one-seed.ts";
import { startOwnEngine } from "./own-engine.ts";
import { planOf } from "./plan.rules.ts";
import { openSeeds } from "./seeds.ts";
import { table } from "./table.ts";

/*
 * npm run chaos -- --seed N      one seed, every step on a line of its own
 * npm run chaos -- --seeds 40    seeds 1 to 40, and a table of them; --from N begins elsewhere
 * npm run chaos -- --engine …    the same with an engine of its own, which is what is struck
 *
 * Exit code 1 if anything went wrong.
 */
const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string" },
    from: { type: "string", default: "1" },
    engine: { type: "boolean", default: false },
    quiet: { type: "boolean", default: false },
  },
});
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds ?? 40) : 1;
let isStopped = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    isStopped = true;
    console.log("ends after the seed under way");
  });
}

await buildWorkingAgentImage();
const engine = values.engine
  ? await startOwnEngine([WORKING_AGENT_IMAGE], join(tmpdir(), "pitaya-chaos-engine.log"))
  : undefined;
const seeds = openSeeds({
  engine,
  print: (line) => {
    if (!values.quiet) console.log(line);
  },
  report: console.log,
});
const results: SeedResult[] = [];
const left: string[] = [];
try {
  for (let seed = first; seed < first + count && !isStopped; seed += 1) {
    results.push(await seeds.run(planOf(seed, values)));
  }
} finally {
  left.push(...(await seeds.close()));
  await engine?.stop();
}
for (const line of left) console.log(`left at the end: ${line}`);
if (count > 1 || values.quiet) console.log(table(results));
const isRight = left.length === 0 && results.every(({ wrong }) => wrong.length === 0);
process.exitCode = isRight && results.length === count ? 0 : 1;
