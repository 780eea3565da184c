import { join } from "node:path";
import { isolatedExecution } from "@pitaya/isolate";
import type { StartExecution, Strategy } from "@pitaya/strategies";
import { runStrategy } from "@pitaya/strategies/testing";
import { strategyHostContract } from "@pitaya/strategies/testing/contract";
import { bundleStrategy } from "pitaya/testing";
import { expect, it, vi } from "vitest";
import customSimple from "../../examples/custom_simple.ts";
import fanoutTwo from "../../examples/fanout_two.ts";
import proposeRefine from "../../examples/propose_refine.ts";

// A bound for a hang: each step of a random program is some tenths of a second here.
vi.setConfig({ testTimeout: 300_000 });

/** The contract's own strategy, bundled as the cli bundles a user's. */
const root = join(import.meta.dirname, "../../packages/strategies/testing");
const source = { name: "program.ts", at: { file: join(root, "program-strategy.ts") }, root };
const bundle = bundleStrategy(source);

const isolated: StartExecution = async (strategy, options) =>
  isolatedExecution(await bundle, "programStrategy")(strategy, options);

// Every step of a property begins a thread and an interpreter anew; the native host has the numbers.
strategyHostContract("the isolate", isolated, { numRuns: 2 });

it.each<[string, Strategy]>([
  ["custom_simple.ts", customSimple],
  ["fanout_two.ts", fanoutTwo],
  ["propose_refine.ts", proposeRefine],
])("the example %s does the same in isolation as in its test", async (name, strategy) => {
  const examples = join(import.meta.dirname, "../../examples");
  const at = { file: join(examples, name) };
  const start = isolatedExecution(await bundleStrategy({ name, at, root: examples }), "default");
  const script = () => ({ files: { "a.txt": "1" } });
  const { task: _, ...isolated } = await runStrategy(strategy, { start, script });
  const { task: __, ...native } = await runStrategy(strategy, { script });
  expect(isolated).toEqual(native);
});
