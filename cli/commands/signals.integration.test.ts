import { madeCommits } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import { agentWork } from "../testing/user-repository.ts";

const stage = useStage();

/** A command whose agent is at work. */
async function atWork() {
  const host = stage.start(["do it"]);
  const run = await stage.coordinator.submitted();
  await run.starts("main");
  await host.stderr.shows("agent starting");
  return { host, run };
}

test("the first Ctrl-C interrupts the run, waits for its end and names the command that goes on", async () => {
  const { coordinator } = stage;
  const { host, run } = await atWork();
  host.send("SIGINT");
  const stop = await coordinator.stopped();
  expect(stop).toMatchObject({ mode: "interrupt", by: "ada" });
  await run.decide({ type: "run.stopping", mode: "interrupt", by: stop.by, reason: stop.reason });
  await run.seal("main", 1, "interrupted");
  await run.interrupts(["main"]);
  expect(await host.ended).toBe(2);
  expect(host.stdout.text).toContain(`pitaya resume ${run.spec.run}`);
  expect(stage.file("logs", run.spec.run, "events.jsonl")).toContain("task.interrupted");
});

test("SIGTERM does the same", async () => {
  const { coordinator } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await host.stderr.shows("started");
  host.send("SIGTERM");
  await coordinator.stopped();
  await run.interrupts([]);
  expect(await host.ended).toBe(2);
});

test("the second Ctrl-C leaves at once, says what remains and leaves no temporary files", async () => {
  const { coordinator } = stage;
  const { host, run } = await atWork();
  host.send("SIGINT");
  const { by, reason } = await coordinator.stopped();
  await run.decide({ type: "run.stopping", mode: "interrupt", by, reason });
  await host.stderr.shows("interrupting: ");
  host.send("SIGINT");
  expect(await host.ended).toBe(2);
  expect(host.stderr.text).toContain(`left ${run.spec.run} while it is being interrupted`);
  // In a real process nothing goes on after this; here the rest must come to its end.
  await run.interrupts(["main"]);
  await host.settled;
});

test("a Ctrl-C before there is a run ends with nothing submitted", async () => {
  const { coordinator } = stage;
  const connecting = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const host = stage.start(["do it"], {
    async connection() {
      connecting.resolve();
      await goOn.promise;
      throw new Error("not reached by anything that counts");
    },
  });
  await connecting.promise;
  host.send("SIGINT");
  goOn.resolve();
  expect(await host.ended).toBe(2);
  expect(coordinator.submits).toEqual([]);
  expect(host.stderr.text).toContain("interrupted before anything was asked for");
});

test("a hang-up leaves the run alone, and attach shows it again, imports and ends with its exit code", async () => {
  const { coordinator, repository } = stage;
  const first = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await first.stderr.shows("agent starting");
  first.send("SIGHUP");
  expect(await first.ended).toBe(0);
  expect(coordinator.stops).toEqual([]);

  const second = stage.start(["attach", run.spec.run]);
  await second.stderr.shows("agent starting");
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");
  expect(await second.ended).toBe(0);
  const branch = `pitaya/simple/${run.spec.run}/k${run.instance("main").slice(0, 8)}`;
  expect(repository.git("rev-parse", branch)).toBe(work.work?.commit);
});

test("Ctrl-C in attach only detaches", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  const host = stage.start(["attach", run.spec.run]);
  await host.stderr.shows("started run_");
  host.send("SIGINT");
  expect(await host.ended).toBe(0);
  expect(host.stderr.text).toContain(`${run.spec.run} goes on`);
  expect(coordinator.stops).toEqual([]);
});

test("attach does not bring back a branch that was deleted; import does", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");
  await host.ended;
  const branch = `pitaya/simple/${run.spec.run}/k${run.instance("main").slice(0, 8)}`;
  repository.git("branch", "-D", branch);

  const attached = await stage.pitaya(["attach", run.spec.run]);
  expect(attached.code).toBe(0);
  expect(attached.stdout).toContain(`branch, imported and deleted since: ${branch}`);
  const quiet = await stage.pitaya(["attach", run.spec.run, "--output", "quiet"]);
  expect(quiet).toMatchObject({ code: 0, stdout: "" });
  expect(repository.git("branch", "--list", branch)).toBe("");
  const { stdout } = await stage.pitaya(["show", run.spec.run]);
  expect(stdout).toContain(`branch, imported and deleted since: ${branch}`);
  expect(stdout).toContain(`pitaya import ${run.spec.run}`);
  expect(stdout).not.toContain("git diff");
  const imported = await stage.pitaya(["import", run.spec.run]);
  expect(imported.code).toBe(0);
  expect(imported.stdout).toContain(`imported  ${branch}`);
  expect(repository.git("rev-parse", branch)).toBe(work.work?.commit);
});

test("attach ends with the code of a run that failed before", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.succeeds("main", madeCommits({ uncommitted: true }));
  await run.ends("failed", { code: "credentials_refused", message: "401", retryable: false });
  expect((await stage.pitaya(["attach", run.spec.run])).code).toBe(4);
});

test("a stack that is ended under the run is told of, with how to go on", async () => {
  const { coordinator } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await host.stderr.shows("started run_");
  stage.connection.end({ reason: "down", interrupted: [run.spec.run] });
  expect(await host.ended).toBe(2);
  expect(host.stderr.text).toContain(`pitaya resume ${run.spec.run}`);
});
