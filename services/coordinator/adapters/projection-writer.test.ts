import { manualClock } from "@pitaya/actors";
import { decode } from "@pitaya/bus";
import { memoryBroker } from "@pitaya/bus/testing";
import { buckets, RunProjection } from "@pitaya/protocol";
import { type RunView, runView } from "@pitaya/views";
import pino from "pino";
import { expect, it } from "vitest";
import { sampleRun } from "../testing/sample-run.ts";
import { projectionWriter } from "./projection-writer.ts";

it("a row folded further, by whoever decides now, is not written over", async () => {
  const broker = memoryBroker();
  const writer = (id: string) =>
    projectionWriter(broker.connect(id), manualClock(), pino({ level: "silent" }));
  const spec = sampleRun();
  const viewAt = (sequence: number, phase: RunView["phase"]): RunView => ({
    ...runView().view,
    ...{ spec, phase, sequence, submittedAt: 0 },
    ...(phase === "succeeded" && { finishedAt: 1 }),
  });
  const rowNow = async () => {
    const entry = await broker.connect("cli").bucket(buckets.runs).get(spec.run);
    return entry && decode(RunProjection, entry.value, "row");
  };
  const frozen = writer("c1");
  frozen.changed(spec.run, viewAt(5, "executing"));
  await frozen.close();
  expect(await rowNow()).toMatchObject({ status: "running", sequence: 5 });

  const late = writer("c1");
  const next = writer("c2");
  next.changed(spec.run, viewAt(9, "succeeded"));
  await next.close();
  late.changed(spec.run, viewAt(7, "finalizing"));
  await late.close();
  expect(await rowNow()).toMatchObject({ status: "completed", sequence: 9 });
});
