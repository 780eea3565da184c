import type { RunSpec, TaskSpec } from "@pitaya/protocol";
import type { StrategyCode, StrategyRun } from "../ports/strategy-code.port.ts";

/** The run's own settings as a task. */
export const taskOf = (spec: RunSpec): TaskSpec => ({
  prompt: spec.prompt,
  base: spec.base,
  agent: spec.agent,
  limits: spec.limits,
  network: spec.network,
  readOnly: false,
  forceCommit: false,
  author: spec.author,
  importPolicy: "auto",
});

/** Code that runs one task and ends as it does: what the coordinator's own tests need of a strategy. */
export const oneTaskCode: StrategyCode = {
  async start(spec): Promise<StrategyRun> {
    let ended: StrategyRun["ended"];
    const tasks = [
      { key: "main", kind: "agent", fingerprint: "c".repeat(64), task: taskOf(spec) },
    ] as const;
    return {
      calls: [{ index: 0, name: "run", argsHash: "0".repeat(16) }],
      tasks,
      get ended() {
        return ended;
      },
      sleeps: [],
      wake: async () => undefined,
      async deliver(key, outcome) {
        const bad = outcome.status === "succeeded" ? undefined : outcome.error;
        ended = {
          status: bad ? "failed" : "succeeded",
          reason: bad?.message,
          keys: [key],
          chosen: undefined,
          metadata: undefined,
          error: bad,
        };
      },
    };
  },
};
