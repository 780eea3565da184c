import { mailbox } from "@pitaya/actors";
import { memoryBroker } from "@pitaya/bus/testing";
import { ProcessId, RunId } from "@pitaya/protocol";
import pino from "pino";
import { expect, it, onTestFinished } from "vitest";
import { turnMessage } from "../domain/turn-message.ts";
import { encodeDecision } from "../encode-decision.ts";
import { sampleRun } from "../testing/sample-run.ts";
import { logFold } from "./log-fold.ts";

const RUNS = 80;
const runName = (n: number) => `run_20260102_030405_${String(n).padStart(8, "0")}`;

/** A log of runs that were submitted and cancelled, and a fold that follows it. */
async function world() {
  const broker = memoryBroker();
  const bus = broker.connect("c");
  const ends = new Map<string, number>();
  const append = async (n: number, expectedLast: number, place: number) => {
    const spec = sampleRun({ run: runName(n) });
    const coordinator = ProcessId.parse("c");
    const chain = { lastSequence: expectedLast, epoch: place === 1 ? 0 : 1, n: place - 1 };
    const entry =
      place === 1
        ? ({ type: "run.submitted", spec } as const)
        : ({ type: "run.cancelled" } as const);
    const run = RunId.parse(spec.run);
    const turn = turnMessage({ run, epoch: 1, coordinator, now: new Date(0), chain }, [entry]);
    const payload = encodeDecision(turn.message);
    const subject = `pitaya.v1.evt.${run}.decision`;
    const result = await bus.events.append(subject, { id: turn.id, payload, expectedLast });
    if (result.status !== "stored") throw new Error("the chain is broken");
    return result.sequence;
  };
  for (let n = 0; n < RUNS; n += 1) {
    const submitted = await append(n, 0, 1);
    if (n > 0) ends.set(runName(n), await append(n, submitted, 2));
  }
  const dropped: string[] = [];
  const box = mailbox<() => void | Promise<void>>(
    (work) => work(),
    (error) => {
      throw error;
    },
  );
  const stop = new AbortController();
  const fold = logFold({
    bus,
    log: pino({ level: "silent" }),
    box,
    onFolded: () => undefined,
    onDropped: (run) => dropped.push(run),
  });
  const following = fold.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await following;
  });
  return { bus, fold, dropped, signal: stop.signal };
}

it("holds what is not final, and of the rest what was touched last", async () => {
  const { fold, dropped, signal } = await world();
  await fold.catchUp(signal);
  expect(fold.runs.get(runName(0))?.actors?.phase).toBe("submitted");
  expect(fold.runs.size).toBe(1 + 64);
  expect(dropped).toEqual(Array.from({ length: RUNS - 65 }, (_, n) => runName(n + 1)));
});

it("finds a run that it no longer holds, also when a late message comes of it", async () => {
  const { bus, fold, signal } = await world();
  await fold.catchUp(signal);
  const [one, two] = [runName(1), runName(2)];
  expect(fold.runs.has(one)).toBe(false);
  expect((await fold.find(one))?.actors?.phase).toBe("cancelled");
  expect(await fold.find(runName(RUNS))).toBeUndefined();

  const note = { v: 1, run: two, client: "u", at: new Date(0).toISOString() };
  const payload = Buffer.from(JSON.stringify({ ...note, note: { type: "client.attached" } }));
  await bus.events.note(`pitaya.v1.evt.${two}.client.u`, { id: "n1", payload });
  await fold.catchUp(signal);
  expect(fold.runs.get(two)?.actors?.phase).toBe("cancelled");
});
