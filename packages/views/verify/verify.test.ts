import type { RunProjection } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { type LogMessage, runLog } from "../run-log.ts";
import { projectRun } from "../run-projection.ts";
import { runView } from "../run-view.ts";
import {
  composed,
  madeCommits,
  placed,
  sampleSpec,
  scheduled,
  wholeLog,
} from "../testing/index.ts";
import { runVerifier } from "./verify-run.ts";

const spec = sampleSpec();

/** The row that the list of runs has after these messages. */
function rowOf(messages: readonly LogMessage[]): RunProjection {
  const log = runLog();
  const fold = runView();
  for (const message of messages) for (const event of log.admit(message)) fold.apply(event);
  return projectRun(spec, fold.view);
}

function verified(messages: readonly LogMessage[], row = rowOf(messages)) {
  const verifier = runVerifier(row);
  for (const message of messages) verifier.take(message);
  return verifier.end();
}

const text = (payload: Uint8Array) => Buffer.from(payload).toString();

/** The same log with what `change` makes of one message. */
function changed(
  messages: readonly LogMessage[],
  has: string,
  change: (json: string) => string,
): readonly LogMessage[] {
  const at = messages.findIndex(({ payload }) => text(payload).includes(has));
  expect(at).toBeGreaterThanOrEqual(0);
  return messages.map((message, i) =>
    i === at ? { ...message, payload: Buffer.from(change(text(message.payload))) } : message,
  );
}

const rules = (messages: readonly LogMessage[]) =>
  verified(messages).violations.map(({ rule }) => rule);

test("a log with everything in it holds, and what came after a seal is set aside", () => {
  const found = verified(wholeLog());
  expect(found.violations).toEqual([]);
  expect(found.setAside).toMatchObject([{ reason: "the attempt is sealed" }]);
  expect(found.messages).toBe(wholeLog().length);
  expect(found.blobs[0]).toMatchObject({ what: "the run's base", sequence: 1 });
  expect(found.branches[0]?.commit).toBe("d".repeat(40));
});

test("another instance's, another attempt's and a second outcome are seen", () => {
  const { instance, execution } = scheduled(spec, "main");
  const begun = (log: Parameters<Parameters<typeof composed>[1]>[0]) => [
    log.decide({ type: "run.submitted", spec }),
    log.decide({ type: "strategy.started", execution }, scheduled(spec, "main")),
  ];
  const placedTwice = composed(spec, function* (log) {
    yield* begun(log);
    yield log.decide(placed(spec, "main", 1));
    yield log.decide(placed(spec, "main", 2));
  });
  expect(verified(placedTwice).violations).toMatchObject([
    { rule: "order", sequence: 4, message: expect.stringContaining("while 1 has not ended") },
  ]);

  const endedTwice = composed(spec, function* (log) {
    yield* begun(log);
    yield log.decide({ type: "instance.cancelled", instance });
    yield log.decide({ type: "instance.succeeded", instance, attempt: 1 });
  });
  expect(rules(endedTwice)).toEqual(["outcome", "outcome"]);

  const leftOpen = composed(spec, function* (log) {
    yield* begun(log);
    yield log.decide({ type: "run.succeeded" });
    yield log.decide({ type: "strategy.started", execution });
  });
  expect(rules(leftOpen)).toEqual(["outcome", "outcome", "outcome"]);
});

test("an epoch with two coordinators, or that begins in the middle, is seen", () => {
  const log = wholeLog();
  const other = changed(log, '"instance.backingOff"', (json) =>
    json.replace("coordinator-1", "coordinator-2"),
  );
  expect(rules(other)).toEqual(["writer"]);
  const taken = changed(log.slice(0, 2), '"strategy.started"', (json) =>
    json.replace('"epoch":1,"n":2', '"epoch":2,"n":1'),
  );
  expect(rules(taken)).toEqual(["writer"]);
});

test("a timer that fires twice, or was never set, is seen", () => {
  const { execution } = scheduled(spec, "main");
  const timer = { execution, path: 0, index: 1 };
  const log = composed(spec, function* (write) {
    yield write.decide({ type: "run.submitted", spec });
    yield write.decide({ type: "strategy.started", execution });
    yield write.decide({ type: "timer.set", ...timer, delayMs: 5 });
    yield write.decide({ type: "timer.fired", ...timer });
    yield write.decide({ type: "timer.fired", ...timer });
    yield write.decide({ type: "timer.fired", ...timer, index: 2 });
  });
  expect(verified(log).violations).toMatchObject([
    { rule: "order", sequence: 5 },
    { rule: "order", sequence: 6 },
  ]);
});

test("what was imported must be what was made", () => {
  const log = changed(wholeLog(), '"branch.imported"', (json) =>
    json.replace("d".repeat(40), "e".repeat(40)),
  );
  expect(rules(log)).toEqual(["branch"]);
  const { instance, execution } = scheduled(spec, "main");
  const blob = { writer: "runner-1", sha256: "1".repeat(64), bytes: 1, parts: 1, parents: [] };
  const bundle = { blob, tip: "e".repeat(40), shallow: [] } as never;
  const torn = composed(spec, function* (write) {
    yield write.decide({ type: "run.submitted", spec });
    yield write.decide({ type: "strategy.started", execution }, scheduled(spec, "main"));
    yield write.decide(placed(spec, "main"));
    yield write.fact(instance, 1, { type: "attempt.claimed" });
    yield write.fact(instance, 1, madeCommits({ bundle }));
  });
  expect(verified(torn).violations).toMatchObject([{ rule: "branch", sequence: 5 }]);
});

test("a list of runs that says something else is seen", () => {
  const log = wholeLog();
  const row = rowOf(log);
  const say = (change: Partial<RunProjection>) =>
    verified(log, { ...row, ...change }).violations.map(({ message }) => message);
  expect(say({ costUsd: row.costUsd + 1 })).toEqual([expect.stringContaining("costUsd")]);
  expect(say({ sequence: 9_999 })).toEqual([expect.stringContaining("9999")]);
  expect(verified(log, row).rowIsBehind).toBe(false);
  const early = verified(log, rowOf(log.slice(0, 4)));
  expect(early.violations).toMatchObject([
    { rule: "totals", message: "the run is completed, and the list of runs says running" },
  ]);
  expect(early.rowIsBehind).toBe(true);
});

test("a message nobody can read is a hole in its chain", () => {
  const log = changed(wholeLog(), '"attempt.started"', () => "{");
  expect(rules(log)).toContain("chain");
});
