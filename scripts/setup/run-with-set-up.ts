import { delimiter, dirname, join } from "node:path";
import { mirrorChild } from "../../cli/bin/mirror-child.mjs";
import { places } from "./places.ts";
import { setUp } from "./set-up.ts";
import { describeFailure } from "./set-up-error.ts";
import { steps } from "./steps.ts";

/**
 * Set-up, and then a program that uses the product like any other; this process ends as it does.
 *
 * @param file of the program, below the workspace's root
 */
export async function runWithSetUp(file: string, args: readonly string[]): Promise<void> {
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
    mirrorChild(record.node, [join(where.root, file), ...args], env);
  } catch (error) {
    console.error(`set-up failed: ${describeFailure(error)}`);
    process.exitCode = 1;
  }
}
