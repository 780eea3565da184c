import { InstanceId, type RunSpec } from "@pitaya/protocol";
import type { LogMessage } from "../run-log.ts";
import type { Draft, LogComposer } from "./log-composer.ts";
import {
  attemptFailed,
  composed,
  madeCommits,
  outcome,
  placed,
  sampleSpec,
  scheduled,
} from "./sample-log.ts";

const overloaded = { code: "overloaded", message: "529", retryable: true } as const;

/**
 * A run with everything in it: work that is imported, a retry after a failure, a lost attempt, an
 * instance without changes, one with uncommitted ones, a failure, an interruption and a resume.
 */
export function wholeLog(spec: RunSpec = sampleSpec()): readonly LogMessage[] {
  const id = (key: string) => scheduled(spec, key).instance;
  const { execution } = scheduled(spec, "good");

  function* starts(log: LogComposer, key: string, attempt = 1): Iterable<Draft> {
    yield log.decide(placed(spec, key, attempt));
    yield log.fact(id(key), attempt, { type: "attempt.claimed" });
    yield log.fact(id(key), attempt, { type: "attempt.entered", phase: "fetching" });
    yield log.fact(id(key), attempt, { type: "attempt.entered", phase: "preparing" });
    yield log.fact(id(key), attempt, { type: "attempt.entered", phase: "running" });
    const container = `pitaya-${key}-${attempt}`;
    yield log.fact(id(key), attempt, { type: "attempt.started", container, imageId: "sha256:1" });
  }

  return composed(spec, function* (log) {
    yield log.decide({ type: "run.submitted", spec });
    yield log.decide(
      { type: "strategy.started", execution },
      ...["good", "retried", "lost", "same", "loose", "bad"].map((key) => scheduled(spec, key)),
    );
    yield* starts(log, "good");
    yield log.fact(id("good"), 1, { type: "attempt.entered", phase: "harvesting" });
    yield log.fact(id("good"), 1, madeCommits());
    yield log.decide({ type: "instance.succeeded", instance: id("good"), attempt: 1 });
    const ref = `refs/heads/${scheduled(spec, "good").branch}_2`;
    const imported = { instance: id("good"), attempt: 1, ref, commit: "d".repeat(40) };
    yield log.note("client-1", { type: "branch.imported", ...imported });

    yield* starts(log, "retried");
    yield log.fact(id("retried"), 1, attemptFailed({ error: overloaded }));
    yield log.decide({
      ...{ type: "instance.backingOff", instance: id("retried") },
      ...{ error: overloaded, delayMs: 2_000 },
    } as const);
    yield log.decide({ type: "instance.queued", instance: id("retried"), reason: "again" });

    yield* starts(log, "lost");
    yield log.seal(id("lost"), 1, "lost");
    yield log.fact(id("lost"), 1, { type: "attempt.adopted" });
    yield log.decide({
      type: "instance.queued",
      instance: id("lost"),
      reason: "its runner is gone",
    });
    yield log.decide({
      ...{ type: "instance.waitingForCredentials", instance: id("lost") },
      missing: ["ANTHROPIC_API_KEY"],
    } as const);

    yield log.decide({ type: "run.stopping", mode: "interrupt", by: "ada", reason: "Ctrl-C" });
    yield log.decide(
      { type: "instance.interrupted", instance: id("retried") },
      { type: "instance.interrupted", instance: id("lost") },
      { type: "run.interrupted", reason: "Ctrl-C" },
    );
    yield log.decide({ type: "run.resumed", by: "ada", fresh: true });

    for (const key of ["retried", "lost"]) {
      yield* starts(log, key, 2);
      const work = {
        commit: "e".repeat(40),
        commits: 1,
        filesChanged: 1,
        insertions: 1,
        deletions: 0,
      };
      yield log.fact(id(key), 2, madeCommits({ work, finalMessage: { inline: `${key} "done"` } }));
      yield log.decide({ type: "instance.succeeded", instance: id(key), attempt: 2 });
    }
    const refused = {
      code: "ref_conflict",
      message: "it is there already",
      retryable: false,
    } as const;
    const about = { instance: id("lost"), attempt: 2 };
    yield log.note("client-1", { type: "branch.refused", ...about, error: refused });
    yield log.note("client-2", { type: "client.attached" });

    yield* starts(log, "same");
    const { work: _none, ...nothing } = madeCommits();
    yield log.fact(id("same"), 1, nothing);
    yield log.decide({ type: "instance.succeeded", instance: id("same"), attempt: 1 });

    yield* starts(log, "loose");
    const patch = { writer: "runner-1", sha256: "f".repeat(64), bytes: 9, parts: 1, parents: [] };
    yield log.fact(id("loose"), 1, { ...nothing, uncommitted: true, patch: patch as never });
    yield log.decide({ type: "instance.succeeded", instance: id("loose"), attempt: 1 });

    yield* starts(log, "bad");
    yield log.fact(id("bad"), 1, attemptFailed());
    yield log.decide({
      ...{ type: "instance.failed", instance: id("bad") },
      error: attemptFailed().error,
    } as const);

    const all = ["good", "retried", "lost"].map((key) => InstanceId.parse(id(key)));
    yield log.decide(
      { type: "strategy.completed", execution, outcome: outcome("succeeded", all) },
      { type: "run.finalizing" },
      { type: "run.succeeded" },
    );
  });
}
