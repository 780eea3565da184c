import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { encode } from "@pitaya/bus";
import {
  buckets,
  OutputRecords,
  outputHeaders,
  ProcessId,
  type Requirements,
  RunnerAbout,
  RunnerLiveness,
  RunProjection,
  subjects,
} from "@pitaya/protocol";
import { OutwardEvent } from "@pitaya/views";
import { attemptFailed, scheduled } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import type { PlayedRun } from "../testing/stand-in-coordinator.ts";
import { agentWork, userRepository } from "../testing/user-repository.ts";

const stage = useStage();

const bytesUnder = (dir: string) =>
  execFileSync("sh", ["-c", "find . -type f -exec sha256sum {} + | sort -k2"], {
    cwd: dir,
    encoding: "utf8",
  });

async function steps(run: PlayedRun, key: string, texts: readonly string[]): Promise<void> {
  const subject = subjects.output.of({
    ...{ runner: "runner-1", run: run.spec.run, instance: run.instance(key), attempt: "1" },
  });
  for (const text of texts) {
    const payload = encode(OutputRecords, { v: 1, records: [{ type: "message", text }] });
    await stage.coordinator.bus.output.publish(subject, payload, {
      [outputHeaders.kind]: "records",
    });
  }
}

/** A run with a success, a failure and steps of agents, followed to its end. */
async function aWholeRun(): Promise<PlayedRun> {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it", "--verbose"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await steps(run, "main", ["looking around", "writing"]);
  await host.stderr.shows("assistant writing");
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.starts("other");
  await run.fails("other", attemptFailed());
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  return run;
}

test("show --rebuild brings every file back, byte for byte", async () => {
  const run = await aWholeRun();
  const directory = join(stage.repository.path, ".pitaya");
  const before = bytesUnder(directory);
  expect(before.split("\n").length).toBeGreaterThan(10);
  expect(stage.file("logs", run.spec.run, "events.jsonl")).toContain("looking around");
  rmSync(join(directory, "logs"), { recursive: true });
  rmSync(join(directory, "results"), { recursive: true });
  const shown = await stage.pitaya(["show", run.spec.run, "--rebuild"]);
  expect(shown.code).toBe(0);
  expect(bytesUnder(directory)).toBe(before);
  expect(execFileSync("stat", ["-c", "%a", directory], { encoding: "utf8" })).toBe("700\n");
});

test("a run whose row cannot be read is warned of", async () => {
  const { bus } = stage.coordinator;
  const run = "run_20260102_030405_00000001";
  await bus.bucket(buckets.runs).put(run, Buffer.from("{}"));
  const { code, stdout, stderr } = await stage.pitaya(["runs"]);
  expect([code, stdout]).toEqual([0, ""]);
  expect(stderr).toContain(`pitaya show ${run}`);
  expect(stderr).not.toContain("no runs yet");
});

test("show tells of a run, and of JSON it makes the summary", async () => {
  const run = await aWholeRun();
  const text = await stage.pitaya(["show", run.spec.run]);
  expect(text.stdout).toContain("1 of 2 succeeded, 1 failed");
  const json = await stage.pitaya(["--show-run", run.spec.run, "--json"]);
  expect(JSON.parse(json.stdout)).toMatchObject({ v: 1, run_id: run.spec.run, total_instances: 2 });
});

test("looking from another repository leaves no trace there", async () => {
  const run = await aWholeRun();
  const other = userRepository("another");
  try {
    const shown = await stage.pitaya(["show", run.spec.run], { cwd: other.path });
    expect(shown.code).toBe(0);
    expect(readdirSync(other.path).sort()).toEqual([".git", "README.md"]);
    expect(readFileSync(join(other.path, ".git/info/exclude"), "utf8")).not.toContain("pitaya");
  } finally {
    other.remove();
  }
});

test("events are the log itself, from a sequence, by subject, and live", async () => {
  const run = await aWholeRun();
  const all = await stage.pitaya(["events", run.spec.run, "--json"]);
  const lines = all.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(lines[0]).toMatchObject({
    sequence: 1,
    message: { entries: [{ type: "run.submitted" }] },
  });
  const facts = await stage.pitaya(["events", run.spec.run, "--subject", "fact.>", "--from", "5"]);
  for (const line of facts.stdout.trimEnd().split("\n")) {
    expect(Number(line.split(" ")[0])).toBeGreaterThanOrEqual(5);
    expect(line).toContain(".fact.");
  }
  const live = stage.start(["events", "--all", "-f", "--subject", "*.decision"]);
  await live.stdout.shows("run.submitted");
  await stage.pitaya(["another", "--detach"]);
  const next = await stage.coordinator.submitted();
  await live.stdout.shows(next.spec.run);
  live.send("SIGINT");
  expect(await live.ended).toBe(0);
  expect((await stage.pitaya(["events"])).code).toBe(2);
  expect((await stage.pitaya(["events", run.spec.run, "--all"])).code).toBe(2);
});

test("runs lists what the store knows, newest first, and marks what is not imported", async () => {
  const { coordinator } = stage;
  expect((await stage.pitaya(["runs"])).stderr).toContain("no runs yet");
  const bucket = coordinator.bus.bucket(buckets.runs);
  for (const [run, importable] of [
    ["run_20260102_030405_00000001", 0],
    ["run_20260102_030406_00000002", 2],
  ] as const) {
    const projection = {
      ...{ v: 1, run, status: "completed", submittedAt: "2026-01-02T03:04:05.000Z" },
      ...{ finishedAt: "2026-01-02T03:05:05.000Z", prompt: "do\u001b[31m it", strategy: "simple" },
      ...{ repository: "/x", costUsd: 0.5, costUnknown: 1, sequence: 1 },
      instances: { total: 2, succeeded: 2, failed: 0, importable, imported: 0 },
    };
    await bucket.put(run, encode(RunProjection, projection as never));
  }
  const { stdout } = await stage.pitaya(["--list-runs"]);
  const lines = stdout.trimEnd().split("\n");
  expect(lines[1]).toContain("run_20260102_030406_00000002  completed, 2 to import");
  expect(lines[2]).toContain("run_20260102_030405_00000001  completed ");
  expect(stdout).not.toContain("\u001b");
  const json = JSON.parse((await stage.pitaya(["runs", "--json"])).stdout);
  expect(json.map((run: { run: string }) => run.run)).toHaveLength(2);
  const ambiguous = await stage.pitaya(["show", "run_2026"]);
  expect(ambiguous.code).toBe(2);
  expect(ambiguous.stderr).toContain("can mean");
});

test("a terminal shows a view that is redrawn and goes away, then the summary", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it"], {
    tty: true,
    env: { ANTHROPIC_API_KEY: "k-0123456789", TERM: "xterm" },
  });
  const run = await coordinator.submitted();
  await run.starts("main");
  await steps(run, "main", ["looking\u001b[2Jaround"]);
  await host.stderr.shows("\u001b[?7l");
  host.clock.advance(1_500);
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  expect(host.stderr.text.endsWith("\u001b[0J")).toBe(true);
  expect(host.stderr.text).not.toContain("\u001b[2J");
  expect(host.stdout.text).toContain(`${run.spec.run} completed`);
  expect(host.clock.pending).toBe(0);
});

test("events go on when the store has moved, each once", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it", "--json"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await host.stdout.shows("task.started");
  stage.connection.move(stage.broker);
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  const ids = host.stdout.lines.map((line) => OutwardEvent.parse(JSON.parse(line)).id);
  expect(new Set(ids).size).toBe(ids.length);
});

test("what no runner offers that an instance requires is told while it waits, and by show", async () => {
  const { coordinator } = stage;
  const runners = coordinator.bus.bucket(buckets.runners);
  const runner = ProcessId.parse("runner-a");
  const about = {
    ...{ v: 1 as const, runner, version: "0", pool: "default", labels: { zone: "a" }, slots: 1 },
    ...{ cpus: 4, memoryBytes: 1, engineVersion: "1", curveKey: `X${"A".repeat(55)}`, packs: [] },
  };
  await runners.put("runner-gone.about", encode(RunnerAbout, { ...about, pool: "gpu" }));
  await runners.put(`${runner}.about`, encode(RunnerAbout, about));
  const alive = { v: 1 as const, runner, incarnation: "00000000", attempts: [], lastStart: 0 };
  await runners.put(runner, encode(RunnerLiveness, { ...alive, slotsUsed: 0 }));

  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  const requiring = (key: string, requires: Requirements) => {
    const entry = scheduled(run.spec, key);
    return { ...entry, task: { ...entry.task, requires } };
  };
  await run.decide(
    requiring("one", { pool: "gpu", labels: { zone: "b" } }),
    requiring("two", { pool: "gpu", labels: { zone: "b" } }),
    requiring("three", { labels: { zone: "a" } }),
  );
  const line =
    "warning: one and 1 more: waiting for a runner with pool=gpu zone=b; runner-a has pool=default zone=a";
  await host.stderr.shows(line);
  expect((await stage.pitaya(["show", run.spec.run])).stderr).toContain(line);
  await run.ends("succeeded");
  await host.ended;
  expect(host.stderr.text.split("waiting for a runner")).toHaveLength(2);
});
