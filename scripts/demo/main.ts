import { delimiter, dirname, join } from "node:path";
import { mirrorChild } from "../../cli/bin/mirror-child.mjs";
import { places } from "../setup/places.ts";
import { setUp } from "../setup/set-up.ts";
import { describeFailure } from "../setup/set-up-error.ts";
import { steps } from "../setup/steps.ts";

/** Set-up, and then the demo itself, which is a program like any other that uses the product. */
const where = places(process.env);
try {
  const write = (line: string) => void process.stdout.write(line);
  const record = await setUp(
    where,
    steps(write, () => performance.now()),
  );
  const env = {
    ...record.env,
    ...process.env,
    PATH: [dirname(record.node), process.env["PATH"]].join(delimiter),
  };
  const demo = join(where.root, "test/support/demo.ts");
  mirrorChild(record.node, [demo, ...process.argv.slice(2)], env);
} catch (error) {
  console.error(`set-up failed: ${describeFailure(error)}`);
  process.exitCode = 1;
}
