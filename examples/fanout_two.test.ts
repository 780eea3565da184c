import { runStrategy } from "@pitaya/strategies/testing";
import { expect, it } from "vitest";
import fanoutTwo from "./fanout_two.ts";

it("is two agents where nothing is said, and as many as are asked for", async () => {
  const script = () => ({ files: { "a.txt": "1" } });
  expect((await runStrategy(fanoutTwo, { script })).outcome.tasks).toEqual([
    "fanout/1",
    "fanout/2",
  ]);
  const three = await runStrategy(fanoutTwo, { script, params: { parallel: 3 } });
  expect(three.tasks).toHaveLength(3);
});

it("succeeds with those that did", async () => {
  const { outcome } = await runStrategy(fanoutTwo, {
    script: ({ key }) => (key === "fanout/1" ? { error: "timeout" } : { files: { "a.txt": "1" } }),
  });
  expect(outcome).toEqual({ status: "succeeded", tasks: ["fanout/2"] });
});

it("fails when none does", async () => {
  const { outcome } = await runStrategy(fanoutTwo, { script: () => ({ error: "agent_failed" }) });
  expect(outcome).toEqual({ status: "failed", reason: "all of them failed", tasks: [] });
});
