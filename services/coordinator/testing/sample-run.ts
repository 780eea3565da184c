import type { RunSpec } from "@pitaya/protocol";
import { sampleSpec } from "@pitaya/views/testing";

/** A valid run whose agent needs no credentials. */
export const sampleRun = (changes: Record<string, unknown> = {}): RunSpec =>
  sampleSpec({
    client: "cli",
    agent: { plugin: "claude-code", image: "pitaya-agents:latest", cliArgs: [], credentials: [] },
    ...changes,
  });
