import { encode } from "@pitaya/bus";
import { buckets, RunProjection, runEvents } from "@pitaya/protocol";
import { projectRun, runLog, runView } from "@pitaya/views";
import { attemptFailed } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import type { PlayedRun } from "../testing/stand-in-coordinator.ts";
import { agentWork } from "../testing/user-repository.ts";

const stage = useStage();

/** A run that is imported and listed. */
async function aWholeRun(): Promise<PlayedRun> {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.starts("other");
  await run.fails("other", attemptFailed());
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  await list(run);
  return run;
}

/** Writes the row of the list of runs, as the coordinator does. */
async function list({ spec }: PlayedRun, change: Partial<RunProjection> = {}): Promise<void> {
  const { bus } = stage.coordinator;
  const log = runLog();
  const fold = runView();
  for await (const message of bus.events.read(runEvents(spec.run))) {
    for (const event of log.admit(message)) fold.apply(event);
  }
  const row = { ...projectRun(spec, fold.view), ...change };
  await bus.bucket(buckets.runs).put(spec.run, encode(RunProjection, row));
}

test("a run that holds is clean, and says what was looked at", async () => {
  const { spec } = await aWholeRun();
  const found = await stage.pitaya(["verify", spec.run]);
  expect(found.stdout).toContain("no violation");
  expect(found.stdout).toContain("2 instances, 2 attempts");
  expect(found.stdout).toMatch(/[1-9] blobs, 1 branch/);
  expect(found).toMatchObject({ code: 0 });

  // Work that goes on upon an imported branch is no violation.
  const { repository } = stage;
  const branch = repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads/pitaya");
  repository.git("checkout", "-q", branch);
  repository.git("commit", "-q", "--allow-empty", "-m", "more");
  expect((await stage.pitaya(["verify", "@last"])).code).toBe(0);
});

test("a branch that was moved, a blob that is damaged and a wrong row are told with their place", async () => {
  const { spec } = await aWholeRun();
  const { repository, broker, coordinator } = stage;
  const branch = repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads/pitaya");
  repository.git("branch", "-f", branch, "HEAD");
  const [blob] = await coordinator.bus.upkeep.blobs();
  broker.damage(`pitaya.v1.blob.${blob?.writer}.${blob?.sha256}.0`, () => Buffer.from("x"));
  await list({ spec } as PlayedRun, { costUsd: 9 });

  const text = await stage.pitaya(["verify", spec.run]);
  expect(text.code).toBe(1);
  const json = await stage.pitaya(["verify", spec.run, "--json"]);
  expect(json.code).toBe(1);
  const { ok, violations } = JSON.parse(json.stdout);
  expect(ok).toBe(false);
  expect(violations.map(({ rule }: { rule: string }) => rule).toSorted()).toEqual([
    "blob",
    "branch",
    "totals",
  ]);
  for (const { sequence, message } of violations) {
    expect(sequence).toBeGreaterThan(0);
    expect(text.stdout).toContain(message);
  }
  // A branch that is gone is nobody's lie.
  repository.git("branch", "-D", branch);
  const left = JSON.parse((await stage.pitaya(["verify", spec.run, "--json"])).stdout);
  expect(left.violations).toHaveLength(2);
});

test("a list of runs that is behind is waited for, and told where nobody brings it up to date", async () => {
  const run = await aWholeRun();
  await list(run, { status: "running" });
  const host = stage.start(["verify", run.spec.run]);
  await host.stderr.shows("the list of runs is behind the log");
  await list(run);
  expect(await host.ended).toBe(0);

  await list(run, { status: "running" });
  const waiting = stage.start(["verify", run.spec.run]);
  await waiting.stderr.shows("the list of runs is behind the log");
  waiting.clock.advance(20_000);
  expect(await waiting.ended).toBe(1);
  expect(waiting.stdout.text).toContain("the run is completed, and the list of runs says running");
});

test("a run nobody knows is an error", async () => {
  const found = await stage.pitaya(["verify", "run_20260102_030405_deadbeef"]);
  expect(found.code).toBe(1);
  expect(found.stderr).toContain("there is no run run_20260102_030405_deadbeef");
});
