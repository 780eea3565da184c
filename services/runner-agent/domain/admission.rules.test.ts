import { expect, it } from "vitest";
import { sampleTask } from "../testing/sample-task.ts";
import { admitControl, admitStart } from "./admission.rules.ts";

const order = {
  v: 1,
  runner: "r1",
  epoch: 3,
  decision: 12,
  run: "run_20260101_000000_00000001",
  instance: "0123456789abcdef",
  attempt: 1,
  at: "2026-01-01T00:00:00.000Z",
};
const task = sampleTask();
const to = { runner: "r1", epoch: 3 };
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

it("admits a start of the present epoch, and of a newer one", () => {
  expect(admitStart(bytes({ ...order, task }), to)).toMatchObject({ verdict: "admit" });
  expect(admitStart(bytes({ ...order, epoch: 4, task }), to)).toMatchObject({ verdict: "admit" });
});

it.each([
  ["an epoch that is over", bytes({ ...order, epoch: 2, task }), "epoch 2 is over"],
  ["another runner", bytes({ ...order, runner: "r2", task }), "for runner r2"],
  ["no JSON", Buffer.from("{"), "no JSON"],
  ["no UTF-8", Buffer.from([0xff]), "no JSON"],
  ["no order", bytes({ task }), "no order"],
  ["another version", bytes({ ...order, v: 2, task }), "no order"],
])("drops a start of %s", (_, payload, reason) => {
  expect(admitStart(payload, to)).toEqual({
    verdict: "drop",
    reason: expect.stringContaining(reason),
  });
});

it("refuses one whose task it cannot read, by the name it can", () => {
  const admission = admitStart(bytes({ ...order, task: { ...task, network: "nowhere" } }), to);
  expect(admission).toMatchObject({
    verdict: "refuse",
    order: { run: order.run, instance: order.instance, attempt: 1, epoch: 3 },
    error: {
      code: "malformed_message",
      retryable: false,
      message: expect.stringContaining("network"),
    },
  });
});

it("knows the orders it can be given, and no others", () => {
  const cancel = { ...order, verb: "cancel", mode: "interrupt" };
  expect(admitControl(bytes(cancel), to)).toMatchObject({ verdict: "admit" });
  expect(admitControl(bytes({ ...cancel, epoch: 1 }), to)).toMatchObject({ verdict: "drop" });
  expect(admitControl(bytes({ ...cancel, verb: "explode" }), to)).toMatchObject({
    verdict: "drop",
  });
});
