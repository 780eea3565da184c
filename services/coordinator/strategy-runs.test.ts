import { memoryBroker } from "@pitaya/bus/testing";
import { executionId, PitayaError } from "@pitaya/protocol";
import { logComposer, sampleSpec } from "@pitaya/views/testing";
import { expect, it } from "vitest";
import { foldedRun } from "./fold/folded-run.ts";
import type { StrategyCode } from "./ports/strategy-code.port.ts";
import { runEntry } from "./run-entry.ts";
import { strategyRuns } from "./strategy-runs.ts";
import { oneTaskCode } from "./testing/one-task-code.ts";

it("starts code again that could not be started for what may pass", async () => {
  const spec = sampleSpec();
  const folded = foldedRun(spec.run);
  const composer = logComposer(spec.run);
  const submitted = { type: "run.submitted", spec } as const;
  const draft = composer.decide(submitted, { type: "strategy.started", execution: executionId(1) });
  folded.take(composer.stored(draft, 1, new Date(0)));
  const entry = runEntry(folded);

  let starts = 0;
  const atRest: string[] = [];
  const code: StrategyCode = {
    async start(...args) {
      starts += 1;
      if (starts === 1) throw new PitayaError("bus_unavailable", "not now");
      return oneTaskCode.start(...args);
    },
  };
  const runs = strategyRuns(memoryBroker().connect("c1"), code, ({ run }) => atRest.push(run));
  runs.bring(entry);
  expect(await runs.progress(entry)).toEqual(new Map());
  await entry.code.get("s1")?.rested();
  expect(() => runs.bring(entry)).toThrow("not now");
  runs.bring(entry);
  runs.bring(entry);
  await entry.code.get("s1")?.rested();
  expect(starts).toBe(2);
  expect(atRest).toEqual([spec.run, spec.run]);
  const progress = await runs.progress(entry);
  expect(progress.get("s1")?.tasks.map(({ key }) => key)).toEqual(["main"]);
});
