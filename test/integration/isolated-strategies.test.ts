import { join } from "node:path";
import { isolatedExecution } from "@pitaya/isolate";
import type { StartExecution } from "@pitaya/strategies";
import { strategyHostContract } from "@pitaya/strategies/testing/contract";
import { bundleStrategy } from "pitaya/testing";
import { vi } from "vitest";

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
