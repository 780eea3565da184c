import { advance, born } from "@pitaya/actors";
import { type ErrorCode, type Fact, SessionSnapshot } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { getShortestPaths } from "xstate/graph";
import { type AttemptSnapshot, attemptMachine } from "./attempt.machine.ts";
import type { AgentEnd, AttemptEvent, AttemptInput, AttemptLimits } from "./attempt.ts";
import { nextDeadline } from "./deadlines.rules.ts";
import { endsWithSnapshot } from "./ending.rules.ts";
import { intentsOf } from "./intents.rules.ts";
import { limitsOf } from "./limits.rules.ts";

const limits: AttemptLimits = {
  startTimeoutMs: 300_000,
  stallTimeoutMs: 60_000,
  timeoutMs: 600_000,
  diskBytes: 1_000,
  finalGraceMs: 10_000,
  killGraceMs: 10_000,
  harvestTimeoutMs: 30_000,
  collectTimeoutMs: 120_000,
  goneTimeoutMs: 30_000,
  pauseMaxMs: 600_000,
};

const input: AttemptInput = {
  errand: { kind: "agent", keepsSession: false },
  beginning: "claimed",
  limits,
  claimedAtMs: 1_000,
  atMs: 1_000,
};

const end: AgentEnd = {
  atMs: 50_000,
  exit: { kind: "agent", exitCode: 0, oomKilled: false },
  account: { turns: 3 },
  lastOutput: "done\n",
};
const broken = { code: "git_failed", message: "no", retryable: false } as const;

/** An attempt under a simulated clock: its own deadlines strike when time passes them. */
function attempt(over: Partial<AttemptInput> = {}) {
  let snapshot = born(attemptMachine, { ...input, ...over });
  let nowMs = over.atMs ?? input.atMs;
  const it = {
    get state() {
      return snapshot.matches("done") ? "done" : snapshot.value;
    },
    get snapshot() {
      return snapshot;
    },
    get intents() {
      return intentsOf(snapshot).map(({ id }) => id);
    },
    get nowMs() {
      return nowMs;
    },
    get last(): Fact | undefined {
      return snapshot.context.facts.at(-1);
    },
    send(...events: readonly AttemptEvent[]) {
      for (const event of events) snapshot = advance(attemptMachine, snapshot, event);
      return it;
    },
    wait(ms: number) {
      const until = nowMs + ms;
      for (
        let due = nextDeadline(snapshot);
        due && due.atMs <= until;
        due = nextDeadline(snapshot)
      ) {
        nowMs = Math.max(nowMs, due.atMs);
        it.send({ type: "DEADLINE", name: due.name, atMs: nowMs });
      }
      nowMs = until;
      return it;
    },
    run() {
      return it.send(
        { type: "RECORDED" },
        { type: "FETCHED" },
        { type: "PREPARED", imageId: "sha256:1" },
        { type: "STARTED", container: "c", atMs: nowMs },
      );
    },
    finish(over: Partial<AgentEnd> = {}) {
      return it.send(
        { type: "EXITED", end: { ...end, atMs: nowMs, ...over } },
        {
          type: "HARVESTED",
          harvested: { shallow: [], forcedCommit: false, lfsObjectsMissing: 0 },
        },
        { type: "STORED", made: { lfsObjectsMissing: 0 } },
      );
    },
  };
  return it;
}

const failure = (fact: Fact | undefined) =>
  fact?.type === "attempt.failed" ? fact.error.code : fact?.type;

describe("an attempt that goes well", () => {
  it("goes through its phases, each asking for one thing", () => {
    const a = attempt();
    const seen: unknown[] = [];
    const note = () => seen.push([a.state, a.intents]);
    note();
    for (const event of [
      { type: "RECORDED" },
      { type: "FETCHED" },
      { type: "PREPARED", imageId: "sha256:1" },
      { type: "STARTED", container: "c", atMs: 2_000 },
      { type: "EXITED", end },
      { type: "HARVESTED", harvested: { shallow: [], forcedCommit: false, lfsObjectsMissing: 0 } },
      { type: "STORED", made: { lfsObjectsMissing: 0 } },
      { type: "REPORTED" },
      { type: "CLEANED" },
    ] as const) {
      a.send(event);
      note();
    }
    expect(seen).toEqual([
      [{ live: "claimed" }, ["record"]],
      [{ live: "fetching" }, ["fetch"]],
      [{ live: "preparing" }, ["prepare"]],
      [{ live: { running: "starting" } }, ["run"]],
      [{ live: { running: "working" } }, ["run"]],
      [{ live: "harvesting" }, ["harvest"]],
      [{ live: "uploading" }, ["upload"]],
      [{ live: { reporting: "whole" } }, ["report"]],
      [{ live: "cleaning" }, ["clean"]],
      ["done", []],
    ]);
  });

  it("tells its phases, its start and its end, in order", () => {
    const a = attempt().run().finish();
    expect(a.snapshot.context.facts.map((f) => ("phase" in f ? f.phase : f.type))).toEqual([
      "fetching",
      "preparing",
      "running",
      "attempt.started",
      "harvesting",
      "uploading",
      "attempt.succeeded",
    ]);
  });

  it("waits as long as it takes for room for the output of an agent that has ended", () => {
    const a = attempt().run();
    a.send({ type: "FINAL", atMs: a.nowMs }, { type: "LEFT", atMs: a.nowMs });
    expect(a.wait(10 * limits.timeoutMs).state).toEqual({ live: { running: "working" } });
    expect(a.finish().last).toMatchObject({ type: "attempt.succeeded" });

    const ended = attempt().run();
    ended.send({ type: "FINAL", atMs: ended.nowMs }).wait(limits.finalGraceMs);
    expect(ended.state).toEqual({ live: { running: "terminating" } });
    ended.send({ type: "LEFT", atMs: ended.nowMs }).wait(10 * limits.timeoutMs);
    expect(ended.finish().last).toMatchObject({ type: "attempt.succeeded" });
  });

  it("accounts for the time from the agent's start to its end", () => {
    const a = attempt().run().wait(41_500).finish();
    expect(a.last).toMatchObject({ account: { agentMs: 41_500, turns: 3 } });
  });

  it("says uncommitted when there is a patch and no commit", () => {
    const patch = {
      writer: "r1",
      sha256: "a".repeat(64),
      bytes: 1,
      parts: 1,
      parents: [],
    } as never;
    const a = attempt().run();
    a.send(
      { type: "EXITED", end },
      { type: "HARVESTED", harvested: { shallow: [], forcedCommit: false, lfsObjectsMissing: 0 } },
      { type: "STORED", made: { patch, lfsObjectsMissing: 0 } },
    );
    expect(a.last).toMatchObject({ type: "attempt.succeeded", uncommitted: true, patch });
  });
});

describe("limits", () => {
  it("ends an attempt whose agent is not started in time, in whatever phase", () => {
    const phases: AttemptEvent[] = [
      { type: "RECORDED" },
      { type: "FETCHED" },
      { type: "PREPARED", imageId: "i" },
    ];
    for (let n = 0; n <= phases.length; n += 1) {
      const a = attempt()
        .send(...phases.slice(0, n))
        .wait(299_999);
      expect(a.last?.type).not.toBe("attempt.failed");
      expect(failure(a.wait(1).last)).toBe("start_timeout");
      expect(a.intents).toEqual(["report"]);
    }
  });

  it("ends a silent agent, and waits for as long as it speaks", () => {
    const a = attempt().run().wait(59_999);
    a.send({ type: "OUTPUT", atMs: a.nowMs }).wait(59_999);
    expect(a.intents).toEqual(["run"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "terminate"]);
    expect(failure(a.finish().last)).toBe("stalled");
  });

  it("a silent agent whose provider had refused it ends with the refusal", () => {
    const a = attempt().run();
    a.send({ type: "REFUSED", atMs: a.nowMs }).wait(60_000);
    const refused = { code: "rate_limited", message: "Wait.", retryable: true } as const;
    const { last } = a.finish({ failure: refused });
    expect(last).toMatchObject({ error: refused });
    expect(JSON.stringify(last)).toContain("stalled");
  });

  it("an agent that waits for a provider which refused it may do so for 90 s, each time", () => {
    const patient = {
      limits: { ...limits, stallTimeoutMs: 600_000, snapshotIntervalMs: 3_600_000 },
    };
    const a = attempt(patient).run();
    a.send({ type: "REFUSED", atMs: a.nowMs }).wait(89_999);
    a.send({ type: "REFUSED", atMs: a.nowMs }).wait(89_999);
    expect(a.intents).toEqual(["run"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "terminate"]);

    const b = attempt(patient).run();
    b.send({ type: "REFUSED", atMs: b.nowMs }).wait(80_000);
    b.send({ type: "OUTPUT", atMs: b.nowMs }).wait(200_000);
    expect(b.intents).toEqual(["run"]);
  });

  it("ends an agent that runs too long, however much it says", () => {
    const a = attempt({ limits: { ...limits, snapshotIntervalMs: 3_600_000 } }).run();
    for (let n = 0; n < 12; n += 1) a.wait(49_999).send({ type: "OUTPUT", atMs: a.nowMs });
    expect(a.intents).toEqual(["run"]);
    a.wait(12);
    expect(a.intents).toEqual(["run", "terminate"]);
    expect(failure(a.finish().last)).toBe("timeout");
  });

  it("ends one that said its last word and stays, and takes its word", () => {
    const a = attempt().run().send({ type: "FINAL", atMs: 5_000 });
    a.wait(5_000 + 10_000 - a.nowMs - 1);
    expect(a.intents).toEqual(["run"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "terminate"]);
    const exit = { kind: "agent", exitCode: 143, signal: "TERM", oomKilled: false } as const;
    expect(a.finish({ exit }).last?.type).toBe("attempt.succeeded");
  });

  it("kills what outlives its grace and its harvest, and blames the engine if that does not help", () => {
    const a = attempt().run().send({ type: "STOP", mode: "cancel", atMs: 1_000 });
    a.wait(44_999);
    expect(a.intents).toEqual(["run", "terminate"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "kill"]);
    a.wait(30_000);
    expect(a.last).toMatchObject({
      error: { code: "cancelled", details: { alsoFailed: [expect.stringContaining("engine")] } },
    });
  });

  it("ends an agent over its disk limit, and kills one that goes on writing", () => {
    const a = attempt().run().send({ type: "DISK", bytes: 1_000, atMs: 1_500 });
    expect(a.intents).toEqual(["run"]);
    a.send({ type: "DISK", bytes: 1_001, atMs: 2_000 });
    expect(a.intents).toEqual(["run", "terminate"]);
    a.send({ type: "DISK", bytes: 1_300, atMs: 3_000 });
    expect(a.intents).toEqual(["run", "kill"]);
    const exit = { kind: "container", exitCode: 137, oomKilled: false } as const;
    expect(failure(a.finish({ exit }).last)).toBe("disk_limit");
  });

  it("gives up a harvest that does not come to an end", () => {
    const a = attempt()
      .run()
      .send({ type: "EXITED", end: { ...end, atMs: 1_000 } });
    expect(failure(a.wait(120_000).last)).toBe("harvest_failed");
  });
});

describe("why an attempt failed", () => {
  const exits = {
    clean: { kind: "agent", exitCode: 0, oomKilled: false },
    one: { kind: "agent", exitCode: 1, oomKilled: false },
    starved: { kind: "agent", exitCode: 1, oomKilled: true },
    gone: { kind: "container", exitCode: 137, oomKilled: false },
    oom: { kind: "container", exitCode: 137, oomKilled: true },
  } as const;
  const rateLimited = {
    code: "rate_limited",
    message: "slow down",
    retryable: true,
    retryAfterMs: 30_000,
  } as const;

  it("is the plugin's word before the exit code", () => {
    const a = attempt().run().finish({ exit: exits.one, failure: rateLimited });
    expect(a.last).toMatchObject({ error: rateLimited, exitCode: 1, lastOutput: "done\n" });
  });

  it.each([
    [exits.one, "agent_failed"],
    [exits.gone, "agent_failed"],
    [exits.oom, "out_of_memory"],
    [exits.starved, "out_of_memory"],
    [exits.clean, "attempt.succeeded"],
  ])("%o alone means %s", (exit, expected) => {
    expect(failure(attempt().run().finish({ exit }).last)).toBe(expected);
  });

  it("is our reason before the agent's, which is kept beside it", () => {
    const a = attempt().run().send({ type: "STOP", mode: "interrupt", atMs: 2_000 });
    a.finish({ exit: exits.one, failure: rateLimited });
    expect(a.last).toMatchObject({
      error: { code: "interrupted", details: { alsoFailed: ["rate_limited: slow down"] } },
    });
  });

  it("is a phase of ours that could not be done", () => {
    expect(failure(attempt().send({ type: "FAILED", error: broken }).last)).toBe("git_failed");
    const running = attempt().run().send({ type: "FAILED", error: broken, lastOutput: "so far" });
    expect(running.last).toMatchObject({ error: broken, lastOutput: "so far" });
  });

  it("is what made its work not count, though the agent succeeded", () => {
    const error = { code: "secret_in_commit", message: "no", retryable: false } as const;
    const a = attempt().run().send({ type: "EXITED", end });
    a.send(
      {
        type: "HARVESTED",
        harvested: { shallow: [], forcedCommit: false, lfsObjectsMissing: 0, error },
      },
      { type: "STORED", made: { lfsObjectsMissing: 0 } },
    );
    expect(failure(a.last)).toBe("secret_in_commit");
  });
});

describe("a check", () => {
  const errand = { kind: "verify", keepsSession: false } as const;
  const exit = (exitCode: number) => ({ kind: "agent", exitCode, oomKilled: false }) as const;

  it("has succeeded once it has ended, whatever with", () => {
    for (const exitCode of [0, 1, 124, 137]) {
      expect(
        attempt({ errand })
          .run()
          .finish({ exit: exit(exitCode) }).last,
      ).toMatchObject({
        type: "attempt.succeeded",
        verify: { exitCode, timedOut: false, output: "done\n" },
        account: { costUsd: 0 },
      });
    }
    expect(attempt().run().finish().last).not.toHaveProperty("account.costUsd");
    expect(attempt().run().finish().last).not.toHaveProperty("verify");
  });

  it("whose result only its report tells of has none", () => {
    const a = attempt({ errand })
      .run()
      .finish({ exit: { ...exit(0), containerCode: 137 } });
    expect(a.last).toMatchObject({ error: { code: "agent_failed", retryable: true } });
    const agent = attempt()
      .run()
      .finish({ exit: { ...exit(0), containerCode: 137 } });
    expect(agent.last?.type).toBe("attempt.succeeded");
  });

  it("that runs out of its time has ended with that", () => {
    const a = attempt({ errand, limits: limitsOf("verify", limits) }).run();
    expect(a.wait(limits.timeoutMs).state).toEqual({ live: { running: "terminating" } });
    const killed = { kind: "container", exitCode: 137, oomKilled: false } as const;
    expect(a.finish({ exit: killed }).last).toMatchObject({
      type: "attempt.succeeded",
      verify: { exitCode: 124, timedOut: true },
    });
  });

  it("has failed where it was ended by others, or never began", () => {
    const killed = { kind: "container", exitCode: 137, oomKilled: false } as const;
    expect(failure(attempt({ errand }).run().finish({ exit: killed }).last)).toBe("agent_failed");
    const lost = { code: "runner_lost", message: "no", retryable: true } as const;
    expect(failure(attempt({ errand }).run().finish({ failure: lost }).last)).toBe("runner_lost");
    const stopped = attempt({ errand }).run().send({ type: "STOP", mode: "cancel", atMs: 2_000 });
    expect(failure(stopped.finish({ exit: exit(143) }).last)).toBe("cancelled");
  });

  it("may be silent for as long as it may take", () => {
    expect(limitsOf("verify", limits).stallTimeoutMs).toBe(limits.timeoutMs);
    expect(limitsOf("agent", limits)).toBe(limits);
  });
});

describe("a file to be read", () => {
  it("is told at once, without a container", () => {
    const errand = { kind: "read", keepsSession: false } as const;
    const a = attempt({ errand }).send({ type: "RECORDED" });
    expect(a.intents).toEqual(["fetch"]);
    a.send({ type: "READ", found: { text: { inline: "text" } } });
    expect(a.last).toMatchObject({ type: "attempt.succeeded", read: { text: { inline: "text" } } });
    expect(a.send({ type: "REPORTED" }).intents).toEqual(["clean"]);
    const missing = attempt({ errand }).send({ type: "RECORDED" }, { type: "READ", found: {} });
    expect(missing.last).toMatchObject({ type: "attempt.succeeded", read: {} });
  });
});

describe("a conversation that another task may go on with", () => {
  const errand = { kind: "agent", keepsSession: true } as const;
  const blob = { writer: "r", sha256: "a".repeat(64), bytes: 1, parts: 1, parents: [] };
  const snapshot = SessionSnapshot.parse({
    sessionId: "s1",
    session: blob,
    commit: "b".repeat(40),
  });

  it("is kept of an agent that succeeded, without its files", () => {
    const a = attempt({ errand }).run().send({ type: "EXITED", end });
    expect(endsWithSnapshot(a.snapshot.context)).toBe(true);
    const harvested = { shallow: [], forcedCommit: false, lfsObjectsMissing: 0 };
    a.send({ type: "HARVESTED", harvested });
    a.send({ type: "STORED", made: { lfsObjectsMissing: 0, snapshot } });
    expect(a.last).toMatchObject({ session: { sessionId: "s1", session: blob } });
    expect(a.last).not.toHaveProperty("snapshot");
  });
});

describe("a stop", () => {
  it("ends the attempt at once before its agent runs", () => {
    const a = attempt().send({ type: "RECORDED" }, { type: "STOP", mode: "cancel", atMs: 2_000 });
    expect(failure(a.last)).toBe("cancelled");
  });

  it("does not undo an agent that had ended", () => {
    const a = attempt().run().send({ type: "EXITED", end });
    a.send({ type: "STOP", mode: "cancel", atMs: 60_000 });
    expect(a.state).toEqual({ live: "harvesting" });
  });

  it("that came first is the reason, whatever comes after it", () => {
    const a = attempt().run();
    a.send({ type: "STOP", mode: "interrupt", atMs: 2_000 }).wait(60_000);
    expect(failure(a.finish().last)).toBe("interrupted");
  });
});

describe("snapshots", () => {
  const limited = { limits: { ...limits, stallTimeoutMs: 600_000, snapshotIntervalMs: 60_000 } };
  const snapshot = SessionSnapshot.parse({
    sessionId: "s",
    session: { writer: "r1", sha256: "a".repeat(64), bytes: 1, parts: 1, parents: [] },
    commit: "b".repeat(40),
  });
  const taken = (atMs: number) => ({ type: "SNAPSHOT_TAKEN", snapshot, atMs }) as const;
  const told = (a: ReturnType<typeof attempt>) =>
    a.snapshot.context.facts.filter(({ type }) => type === "attempt.snapshot");

  it("are taken of an agent that works for longer than the interval, an interval apart", () => {
    const a = attempt(limited).run();
    a.wait(59_999);
    expect(a.intents).toEqual(["run"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "snapshot"]);
    a.wait(100_000).send(taken(a.nowMs));
    expect(told(a)).toEqual([{ type: "attempt.snapshot", snapshot }]);
    expect(a.intents).toEqual(["run"]);
    a.wait(59_999);
    expect(a.intents).toEqual(["run"]);
    a.wait(1);
    expect(a.intents).toEqual(["run", "snapshot"]);
  });

  it("that bring nothing are told to nobody, and tried again", () => {
    const a = attempt(limited).run().wait(60_000);
    a.send({ type: "SNAPSHOT_TAKEN", atMs: a.nowMs });
    expect(told(a)).toEqual([]);
    expect(a.wait(60_000).intents).toEqual(["run", "snapshot"]);
  });

  it("are no longer wanted of an agent that is being ended, whose harvest brings one", () => {
    const a = attempt(limited).run().wait(60_000);
    a.send({ type: "STOP", mode: "interrupt", atMs: a.nowMs });
    expect(a.intents).toEqual(["run", "terminate"]);
  });

  it("of an adopted agent wait for an interval from its adoption", () => {
    const past = { beginning: "adopted", agentStartedAtMs: 1_000, atMs: 500_000 } as const;
    const a = attempt({ ...limited, ...past }).send({
      type: "STARTED",
      container: "c",
      atMs: 500_000,
    });
    expect(a.wait(59_999).intents).toEqual(["run"]);
    expect(a.wait(1).intents).toEqual(["run", "snapshot"]);
  });

  it("at the end are for every attempt that fails, unless by its session", () => {
    const ended = (over: Partial<AgentEnd>, stop?: "interrupt" | "cancel") => {
      const a = attempt().run();
      if (stop) a.send({ type: "STOP", mode: stop, atMs: a.nowMs });
      return endsWithSnapshot(
        a.send({ type: "EXITED", end: { ...end, ...over } }).snapshot.context,
      );
    };
    const failed = (code: ErrorCode, retryable: boolean) =>
      ended({ failure: { code, message: "", retryable } });
    expect(ended({})).toBe(false);
    expect(ended({}, "interrupt")).toBe(true);
    expect(ended({}, "cancel")).toBe(true);
    expect(failed("rate_limited", true)).toBe(true);
    expect(failed("agent_failed", false)).toBe(true);
    expect(failed("session_lost", true)).toBe(false);
  });
});

describe("taking up after a restart", () => {
  const again = { claimedAtMs: 1_000, atMs: 900_000 };

  it("goes on with an agent that runs, and keeps to its first start", () => {
    const a = attempt({ ...again, beginning: "adopted", agentStartedAtMs: 500_000 });
    expect(a.state).toEqual({ live: { running: "adopting" } });
    a.send({ type: "STARTED", container: "c", atMs: 900_000 });
    expect(a.snapshot.context.facts.map(({ type }) => type)).not.toContain("attempt.started");
    expect(nextDeadline(a.snapshot)).toEqual({ name: "stall", atMs: 960_000 });
    a.send({ type: "OUTPUT", atMs: 1_080_000 });
    expect(nextDeadline(a.snapshot)).toEqual({ name: "total", atMs: 1_100_000 });
  });

  it("remembers why the agent was being ended", () => {
    const stop = { reason: "stalled", atMs: 890_000 } as const;
    const a = attempt({ ...again, beginning: "adopted", agentStartedAtMs: 500_000, stop });
    a.send({ type: "STARTED", container: "c", atMs: 900_000 });
    expect(a.intents).toEqual(["run", "terminate"]);
    expect(failure(a.finish().last)).toBe("stalled");
  });

  it("starts over where no container ever ran, but not with a new claim", () => {
    const a = attempt({ ...again, beginning: "restarted", atMs: 2_000 });
    expect(a.intents).toEqual(["fetch"]);
    expect(failure(a.wait(300_000).last)).toBe("start_timeout");
  });

  it("tells of a container that is gone", () => {
    const a = attempt({ ...again, beginning: "lost" });
    expect(failure(a.last)).toBe("runner_lost");
    expect(a.intents).toEqual(["report"]);
  });

  it("only cleans up what had ended or was sealed", () => {
    expect(attempt({ ...again, beginning: "ended" }).intents).toEqual(["clean"]);
    const sealed = attempt({ ...again, beginning: "sealed" });
    expect(sealed.intents).toEqual(["destroy"]);
    expect(sealed.snapshot.context.facts).toEqual([]);
  });
});

describe("a pause", () => {
  const told = { type: "PAUSE_TOLD" } as const;
  const confirmed = { type: "CONFIRMED" } as const;
  const paused = (atMs: number) => ({ type: "PAUSED", atMs }) as const;
  const unpaused = (atMs: number) => ({ type: "UNPAUSED", atMs }) as const;
  const running = (state: string) => ({ live: { running: state } });
  const types = (a: ReturnType<typeof attempt>) =>
    a.snapshot.context.facts.map(({ type }) => type).filter((type) => type !== "attempt.entered");

  it("lasts until it is in the log and confirmed, and the container has gone on", () => {
    const a = attempt().run();
    a.send(paused(2_000));
    expect([a.state, a.intents]).toEqual([running("paused"), ["run"]]);
    a.send(confirmed);
    expect(a.state).toEqual(running("paused"));
    a.send(told);
    expect([a.state, a.intents]).toEqual([running("goingOn"), ["run", "unpause"]]);
    a.send(unpaused(3_000));
    expect([a.state, a.intents]).toEqual([running("working"), ["run"]]);
    expect(types(a)).toEqual(["attempt.started", "attempt.paused", "attempt.unpaused"]);
  });

  it("is confirmed each time anew", () => {
    const a = attempt().run();
    a.send(paused(2_000), told, confirmed, unpaused(2_500), paused(3_000), told);
    expect(a.state).toEqual(running("paused"));
    expect(a.send(confirmed).state).toEqual(running("goingOn"));
  });

  it("is told anew when the lease lapses anew, and what was said before does not count", () => {
    for (const before of [[told], [told, confirmed]]) {
      const a = attempt().run();
      a.send(paused(2_000), ...before, paused(3_000));
      expect(a.state).toEqual(running("paused"));
      expect(a.send(told).state).toEqual(running("paused"));
      expect(a.send(confirmed).state).toEqual(running("goingOn"));
      expect(types(a).filter((type) => type === "attempt.paused")).toHaveLength(2);
    }
  });

  it("that is not in the log yet is not told twice", () => {
    const a = attempt().run();
    a.send(paused(2_000), paused(3_000));
    expect(types(a).filter((type) => type === "attempt.paused")).toHaveLength(1);
  });

  it("stops the timers, however long it lasts, and they go on where they were", () => {
    const a = attempt().run();
    a.wait(59_000).send(paused(a.nowMs)).wait(500_000);
    expect(a.state).toEqual(running("paused"));
    a.send(told, confirmed, unpaused(a.nowMs));
    expect(a.wait(999).state).toEqual(running("working"));
    expect(a.wait(1).state).toEqual(running("terminating"));
    expect(a.snapshot.context.stop?.reason).toBe("stalled");
  });

  it("is no time of the agent's", () => {
    const a = attempt().run();
    a.wait(1_000).send(paused(a.nowMs)).wait(50_000);
    a.send(told, confirmed, unpaused(a.nowMs)).wait(500).finish();
    expect(a.last).toMatchObject({ account: { agentMs: 1_500 } });
  });

  it("that lasts too long ends with KILL where it stands, and the work is harvested", () => {
    const a = attempt().run();
    a.send(paused(a.nowMs), told).wait(600_000);
    expect([a.state, a.intents]).toEqual([running("killing"), ["run", "kill"]]);
    a.finish({ exit: { kind: "container", exitCode: 137, oomKilled: false } });
    expect(a.last).toMatchObject({ error: { code: "runner_lost", retryable: true } });
  });

  it("that a container is found in after a restart is told and confirmed before it is adopted", () => {
    const a = attempt({ beginning: "paused", pausedAtMs: 500, agentStartedAtMs: 400 });
    expect([a.state, a.intents]).toEqual([running("paused"), []]);
    a.send(told, confirmed);
    expect(a.intents).toEqual(["unpause"]);
    a.send(unpaused(2_000));
    expect([a.state, a.intents]).toEqual([running("adopting"), ["run"]]);
    a.send({ type: "STARTED", container: "c", atMs: 2_000 });
    expect(a.state).toEqual(running("working"));
    expect(a.snapshot.context.agentStartedAtMs).toBe(1_900);
    expect(types(a)).toEqual(["attempt.paused", "attempt.unpaused"]);
  });

  it("found after a restart that lasts too long is adopted to be killed", () => {
    const a = attempt({ beginning: "paused", pausedAtMs: 500 });
    a.wait(600_000);
    expect([a.state, a.intents]).toEqual([running("adopting"), ["run"]]);
    a.send({ type: "STARTED", container: "c", atMs: a.nowMs });
    expect(a.state).toEqual(running("killing"));
  });

  it("ends with a stop once it is in the log, and TERM follows when it goes on", () => {
    const a = attempt().run();
    a.send(paused(2_000), { type: "STOP", mode: "interrupt", atMs: 3_000 });
    expect(a.state).toEqual(running("paused"));
    a.send(told, unpaused(4_000));
    expect([a.state, a.intents]).toEqual([running("terminating"), ["run", "terminate"]]);
  });

  it("of an agent that was being ended gives it the rest of its grace afterwards", () => {
    const a = attempt().run();
    a.send({ type: "STOP", mode: "cancel", atMs: a.nowMs }).wait(1_000);
    a.send(paused(a.nowMs)).wait(100_000).send(told, unpaused(a.nowMs));
    expect(a.state).toEqual(running("terminating"));
    expect(a.wait(43_999).state).toEqual(running("terminating"));
    expect(a.wait(1).state).toEqual(running("killing"));
  });

  it("that meets a start under way is told after it", () => {
    const a = attempt().send(
      { type: "RECORDED" },
      { type: "FETCHED" },
      { type: "PREPARED", imageId: "sha256:1" },
      paused(2_000),
      { type: "STARTED", container: "c", atMs: 2_100 },
    );
    expect(a.state).toEqual(running("paused"));
    expect(types(a)).toEqual(["attempt.started", "attempt.paused"]);
  });

  it("that came too late says by how much", () => {
    const a = attempt().run().send({ type: "PAUSED", atMs: 2_000, overranMs: 700 });
    expect(a.last).toEqual({ type: "attempt.paused", overranMs: 700 });
    a.send(told, confirmed, unpaused(3_000), paused(4_000));
    expect(a.last).toEqual({ type: "attempt.paused" });
  });
});

it("asks for the start only once it was recorded that it would", () => {
  const a = attempt().send({ type: "RECORDED" }, { type: "FETCHED" });
  expect(a.snapshot.context.startRequested).toBe(false);
  a.send({ type: "PREPARED", imageId: "i" });
  expect(a.snapshot.context.startRequested).toBe(true);
});

it("tells a last fact that cannot be written barely, and then gives up telling", () => {
  const a = attempt().run().finish();
  a.send({ type: "FAILED", error: { ...broken, code: "malformed_message" } });
  expect(a.intents).toEqual(["reportBarely"]);
  expect(failure(a.last)).toBe("malformed_message");
  expect(a.send({ type: "FAILED", error: broken }).intents).toEqual(["clean"]);
});

describe("by all paths", () => {
  const events: AttemptEvent[] = [
    { type: "RECORDED" },
    { type: "FETCHED" },
    { type: "READ", found: {} },
    { type: "PREPARED", imageId: "i" },
    { type: "STARTED", container: "c", atMs: 2_000 },
    { type: "EXITED", end },
    { type: "HARVESTED", harvested: { shallow: [], forcedCommit: false, lfsObjectsMissing: 0 } },
    { type: "STORED", made: { lfsObjectsMissing: 0 } },
    { type: "REPORTED" },
    { type: "CLEANED" },
    { type: "FAILED", error: broken },
    { type: "STOP", mode: "cancel", atMs: 3_000 },
    { type: "DEADLINE", name: "start", atMs: 3_000 },
    { type: "DEADLINE", name: "total", atMs: 3_000 },
    { type: "DEADLINE", name: "snapshot", atMs: 3_000 },
    { type: "SNAPSHOT_TAKEN", atMs: 3_000 },
    { type: "DEADLINE", name: "kill", atMs: 3_000 },
    { type: "DEADLINE", name: "gone", atMs: 3_000 },
    { type: "DEADLINE", name: "collect", atMs: 3_000 },
    { type: "PAUSED", atMs: 3_000 },
    { type: "PAUSE_TOLD" },
    { type: "CONFIRMED" },
    { type: "UNPAUSED", atMs: 3_000 },
    { type: "DEADLINE", name: "pause", atMs: 3_000 },
    { type: "SEALED" },
    { type: "SUPERSEDED" },
  ];
  const isEnd = (fact: Fact) => fact.type === "attempt.succeeded" || fact.type === "attempt.failed";
  const paths = (
    ["claimed", "restarted", "adopted", "paused", "lost", "ended", "sealed"] as const
  ).flatMap((beginning) =>
    getShortestPaths(attemptMachine, {
      events,
      input: { ...input, beginning },
      serializeState: (state) => {
        const { stop, facts, isInHand, isConfirmed, ...of } = (state as AttemptSnapshot).context;
        const pauses = facts.filter(({ type }) => type === "attempt.paused").length;
        const standing = [isInHand, isConfirmed, pauses === of.pausesTold, of.pausedAtMs];
        const ends = facts.filter(isEnd).length;
        return JSON.stringify([state.value, stop?.reason, ends, of.killedAtMs, standing]);
      },
    }).map((path) => ({ beginning, path, snapshot: path.state as AttemptSnapshot })),
  );

  it("reaches every state", () => {
    const reached = new Set(paths.map(({ snapshot }) => JSON.stringify(snapshot.value)));
    expect([...reached].sort()).toEqual(
      [
        ...["claimed", "fetching", "preparing", "harvesting", "uploading", "cleaning"].map(
          (live) => ({ live }),
        ),
        ...[
          ...["starting", "adopting", "working", "paused", "goingOn", "terminating", "killing"],
        ].map((running) => ({ live: { running } })),
        ...["whole", "bare"].map((reporting) => ({ live: { reporting } })),
        "sealed",
        "superseded",
        "done",
      ]
        .map((value) => JSON.stringify(value))
        .sort(),
    );
  });

  it("asks for something wherever it is not over, and for nothing where it is", () => {
    for (const { snapshot } of paths) {
      // One found paused waits for the coordinator's word alone.
      if (snapshot.matches({ live: { running: "paused" } })) continue;
      expect(intentsOf(snapshot).length > 0).toBe(snapshot.status === "active");
    }
  });

  it("leaves every state that waits for an agent by time alone", () => {
    for (const { snapshot } of paths) {
      if (snapshot.matches({ live: { running: "adopting" } })) continue;
      if (!snapshot.matches({ live: "running" })) continue;
      expect(nextDeadline(snapshot)).toBeDefined();
    }
  });

  it("tells one end at most, and one before it cleans up what it took up", () => {
    for (const { snapshot, path, beginning } of paths) {
      const ends = snapshot.context.facts.filter(isEnd).length;
      const wasTold = path.steps.some(({ event }) => event.type === "REPORTED");
      const passed = [...path.steps.map(({ state }) => state), snapshot];
      const couldNotBeWritten = passed.some((s) => s.matches({ live: { reporting: "bare" } }));
      expect(ends).toBeLessThanOrEqual(couldNotBeWritten ? 2 : 1);
      if (wasTold && beginning !== "ended") expect(ends).toBeGreaterThan(0);
    }
  });

  it("takes a seal from anywhere it is live, and says nothing after it", () => {
    for (const { snapshot } of paths.filter(({ snapshot }) => snapshot.matches("live"))) {
      const sealed = advance(attemptMachine, snapshot, { type: "SEALED" });
      expect(intentsOf(sealed)).toEqual([{ id: "destroy" }]);
      expect(sealed.context.facts).toEqual(snapshot.context.facts);
      expect(sealed.value).toBe("sealed");
    }
    const [path] = paths.filter(({ snapshot }) => snapshot.matches("sealed"));
    if (path === undefined) throw new Error("nothing was sealed");
    for (const event of events) {
      const after = advance(attemptMachine, path.snapshot, event);
      expect(after.context.facts).toEqual(path.snapshot.context.facts);
    }
  });
});
