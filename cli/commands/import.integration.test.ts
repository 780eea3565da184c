import { existsSync } from "node:fs";
import { join } from "node:path";
import { attemptFailed } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import type { PlayedRun } from "../testing/stand-in-coordinator.ts";
import { agentPatch, agentWork, userRepository } from "../testing/user-repository.ts";

const stage = useStage();

/** A run that was left to itself. */
async function submitted(): Promise<PlayedRun> {
  await stage.pitaya(["do it", "--detach"]);
  return stage.coordinator.submitted();
}
const branchOf = (run: PlayedRun, key = "main") =>
  `pitaya/simple/${run.spec.run}/k${run.instance(key).slice(0, 8)}`;

test("what was not committed becomes a branch with --uncommitted, and without it nothing is there to import", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  await run.starts("main");
  await run.succeeds("main", await agentPatch(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");

  const without = await stage.pitaya(["import", run.spec.run]);
  expect(without).toMatchObject({ code: 0, stdout: "" });
  expect(without.stderr).toContain("has nothing to import");

  const result = await stage.pitaya(["import", run.spec.run, "--uncommitted"]);
  expect(result).toMatchObject({ code: 0 });
  expect(repository.git("show", `${branchOf(run)}:a.txt`)).toBe("a");
  expect(repository.git("log", "-1", "--format=%an %s", branchOf(run))).toBe(
    "Pitaya Agent Uncommitted changes of main",
  );
  expect(repository.git("notes", "--ref=pitaya", "show", branchOf(run))).toContain(
    "pitaya-uncommitted: yes",
  );
  const again = await stage.pitaya(["import", run.spec.run, "--uncommitted"]);
  expect(again.stdout).toContain(`unchanged ${branchOf(run)}`);
});

test("a patch beside commits goes on a branch beside theirs, and one of a failed attempt is kept too", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  const { patch } = await agentPatch(repository, coordinator.bus, "b.txt", "b\n");
  if (patch === undefined) throw new Error("no patch");
  await run.starts("both");
  await run.succeeds("both", { ...work, patch });
  await run.starts("broken");
  await run.fails("broken", attemptFailed({ patch }));
  await run.ends("succeeded");

  const { code } = await stage.pitaya(["import", run.spec.run, "--uncommitted"]);
  expect(code).toBe(0);
  expect(repository.git("rev-parse", branchOf(run, "both"))).toBe(work.work?.commit);
  const beside = `${branchOf(run, "both")}-uncommitted`;
  expect(repository.git("rev-parse", `${beside}^`)).toBe(work.work?.commit);
  expect(repository.git("ls-tree", "--name-only", beside).split("\n")).toContain("b.txt");
  expect(repository.git("show", `${branchOf(run, "broken")}:b.txt`)).toBe("b");
});

test("the patch of an interrupted run is that of the last attempt that kept one, beside the branch to come", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  await run.starts("main");
  const { patch } = await agentPatch(repository, coordinator.bus, "a.txt", "a\n");
  if (patch === undefined) throw new Error("no patch");
  await run.fact("main", attemptFailed({ patch }));
  await run.starts("main", 2);
  await run.fact("main", attemptFailed(), 2);
  await run.starts("main", 3);
  await run.seal("main", 3, "interrupted");
  await run.interrupts(["main"]);

  const { code } = await stage.pitaya(["import", run.spec.run, "--uncommitted"]);
  expect(code).toBe(0);
  const beside = `${branchOf(run)}-uncommitted`;
  expect(repository.git("show", `${beside}:a.txt`)).toBe("a");
  expect(repository.git("notes", "--ref=pitaya", "show", beside)).toContain("pitaya-attempt: 1");

  const host = stage.start(["resume", run.spec.run]);
  await coordinator.resumed();
  await run.starts("main", 4);
  const work = await agentWork(repository, coordinator.bus, "b.txt", "b\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  expect(repository.git("rev-parse", branchOf(run))).toBe(work.work?.commit);
});

test("a repository without the base takes nothing in and says why", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  await run.starts("main");
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  const other = userRepository("another");
  try {
    const before = other.git("for-each-ref");
    const result = await stage.pitaya(["import", run.spec.run], { cwd: other.path });
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("is not in this repository");
    expect(other.git("for-each-ref")).toBe(before);
    expect(existsSync(join(other.path, ".pitaya"))).toBe(false);
    expect((await stage.pitaya(["events", run.spec.run])).stdout).not.toContain("branch.refused");

    const watched = await stage.pitaya(["attach", run.spec.run], { cwd: other.path });
    expect(watched.code).toBe(0);
    expect(watched.stderr).toContain("is not in this repository");
    expect(other.git("for-each-ref")).toBe(before);
  } finally {
    other.remove();
  }
});

test("a bundle that is not what it says is refused, and no branch is made", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  const blob = await coordinator.bus.blobs.put(async function* () {
    yield Buffer.from("# v2 git bundle\nnot one\n");
  });
  await run.starts("main");
  const tip = work.work?.commit ?? "";
  await run.succeeds("main", { ...work, bundle: { blob, tip, shallow: [] } });
  await run.ends("succeeded");
  const result = await stage.pitaya(["import", run.spec.run]);
  expect(result.stderr).toContain("bundle_rejected");
  expect(result.code).toBe(3);
  expect(repository.git("branch", "--list", "pitaya/*")).toBe("");
});

test("the answer in JSON has every instance", async () => {
  const { coordinator, repository } = stage;
  const run = await submitted();
  await run.starts("main");
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");
  const { stdout } = await stage.pitaya(["import", run.spec.run, "--json"]);
  expect(JSON.parse(stdout)).toEqual({
    v: 1,
    run_id: run.spec.run,
    imports: [
      {
        instance_id: run.instance("main"),
        key: "main",
        status: "imported",
        branch: branchOf(run),
        commit: work.work?.commit,
      },
    ],
  });
});
