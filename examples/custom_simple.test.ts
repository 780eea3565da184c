import { runStrategy } from "@pitaya/strategies/testing";
import { expect, it } from "vitest";
import customSimple from "./custom_simple.ts";

it("greets its agent, and hands the prompt on", async () => {
  const { outcome, tasks, log } = await runStrategy(customSimple, {
    prompt: "Add a health check",
    params: { greeting: "Good morning" },
    script: () => ({ files: { "health.ts": "ok" } }),
  });
  expect(outcome).toEqual({ status: "succeeded", tasks: ["gen"] });
  expect(tasks).toMatchObject([{ task: { prompt: "Good morning.\n\nAdd a health check" } }]);
  expect(log).toEqual(["Good morning from a strategy of your own"]);
});

it("fails as its agent failed", async () => {
  const { outcome, error } = await runStrategy(customSimple, {
    script: () => ({ error: "agent_failed" }),
  });
  expect([outcome.status, error?.code]).toEqual(["failed", "agent_failed"]);
});
