import { subjects } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { fakeRunner, succeeded } from "./testing/index.ts";
import { RUNNER_LEASE_MS, submitted } from "./testing/run-world.ts";

it("an attempt is sealed behind whatever its runner wrote last, also what nobody can read", async () => {
  const { w, runner: first, run } = await submitted();
  const { instance, attempt } = (await first.take()).start;
  const subject = subjects.fact.of({
    run: run.run,
    runner: first.id,
    instance,
    attempt: String(attempt),
  });
  const bus = w.broker.connect("runner-1b");
  const claim = await bus.events.last(subject);
  const odd = { id: "odd", payload: new Uint8Array([1]), expectedLast: claim?.sequence ?? 0 };
  expect(await bus.events.append(subject, odd)).toMatchObject({ status: "stored" });

  const second = await fakeRunner(w.broker.connect("runner-2"), "runner-2");
  await w.pass(RUNNER_LEASE_MS - 1);
  await second.heartbeat();
  await w.pass(2);
  await second.heartbeat();
  await (await second.take()).tell(succeeded());
  const view = await w.until(run.run, (v) => v.phase === "succeeded");
  const [row] = view.instances.values();
  expect(row?.attempts.map(({ end }) => end?.type)).toEqual(["sealed", "attempt.succeeded"]);
});
