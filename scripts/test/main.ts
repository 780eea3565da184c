import { delimiter, dirname, join } from "node:path";
import { tallyFileVariable } from "../../test/support/summary-reporter.ts";
import { add, isSuccess, nothing, summaryLine, type Tally } from "../../test/support/tally.ts";
import { places } from "../setup/places.ts";
import { setUp } from "../setup/set-up.ts";
import { describeFailure } from "../setup/set-up-error.ts";
import { steps } from "../setup/steps.ts";
import { runCheck, runTests } from "./check.ts";

/**
 * Everything that must hold of a change: set-up, lint, types, then all tests. Its last line is the
 * tally over all of them, whatever happens before.
 */
const where = places(process.env);
// A Ctrl-C reaches the tools as well; their end is reported in the usual way.
process.on("SIGINT", () => undefined);

async function everything(): Promise<Tally> {
  const write = (line: string) => void process.stdout.write(line);
  const record = await setUp(
    where,
    steps(write, () => performance.now()),
  );
  const tallyFile = join(where.state, `tally-${process.pid}.json`);
  const env = {
    ...record.env,
    ...process.env,
    PATH: [dirname(record.node), process.env["PATH"]].join(delimiter),
    // Its helper container comes from a registry; tests remove what they start.
    TESTCONTAINERS_RYUK_DISABLED: "true",
    [tallyFileVariable]: tallyFile,
  };
  const colors = process.stdout.isTTY ? "force" : "off";
  const checks = await Promise.all([
    runCheck({ title: "lint", args: ["biome", "ci", `--colors=${colors}`, "."] }, where.root, env),
    runCheck({ title: "types", args: ["tsc", "-p", "tsconfig.json"] }, where.root, env),
  ]);
  const args = [...(process.stdout.isTTY ? [] : ["--no-color"]), ...process.argv.slice(2)];
  const tests = await runTests(record.node, args, where.root, env, tallyFile);
  return add(...checks, tests.passed + tests.failed > 0 ? tests : { passed: 0, failed: 1 });
}

let tally: Tally = nothing;
try {
  tally = await everything();
} catch (error) {
  console.log(`set-up failed: ${describeFailure(error)}`);
  tally = { passed: 0, failed: 1 };
}
console.log(summaryLine(tally));
// Not by itself: what a failed test left behind may still hold a pipe of the test runner's.
process.exit(isSuccess(tally) ? 0 : 1);
