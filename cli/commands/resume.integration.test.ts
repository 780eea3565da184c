import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import { standInCoordinator } from "../testing/stand-in-coordinator.ts";
import { agentWork } from "../testing/user-repository.ts";

const stage = useStage();

test("resume hands credentials over, goes on with the run and ends as it does", async () => {
  const { coordinator, repository } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.interrupts(["main"]);
  const host = stage.start(["resume", run.spec.run]);
  await coordinator.resumed();
  expect(coordinator.resumes[0]).toMatchObject({ by: "ada", fresh: false });
  expect(coordinator.resumes[0]?.secrets).toHaveLength(1);
  await run.starts("main", 2);
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
});

test("a resume whose answer is lost is asked for again, and followed as one's own", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.interrupts([]);
  coordinator.refuse({ code: "bus_unavailable", message: "killed", retryable: true }, 1);
  const host = stage.start(["resume", run.spec.run]);
  await coordinator.resumed();
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  expect(coordinator.resumes).toHaveLength(2);
  expect(host.stderr.text).not.toContain("only shown");
});

test("--resume-fresh starts unfinished instances over, and Ctrl-C interrupts what was resumed", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.interrupts([]);
  const host = stage.start(["--resume-fresh", run.spec.run]);
  await coordinator.resumed();
  expect(coordinator.resumes[0]?.fresh).toBe(true);
  await host.stderr.shows("resumed");
  host.send("SIGINT");
  await coordinator.stopped();
  await run.interrupts([]);
  expect(await host.ended).toBe(2);
});

test("a run that is not known is an error, and so is one without the credential it needs", async () => {
  const { coordinator } = stage;
  const unknown = await stage.pitaya(["resume", "run_20260101_000000_ffffffff"]);
  expect(unknown).toMatchObject({ code: 1, stdout: "" });
  expect(unknown.stderr).toContain("there is no run");
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.interrupts([]);
  const poor = await stage.pitaya(["resume", run.spec.run], { env: {} });
  expect(poor.code).toBe(4);
  expect(poor.stderr).toContain("Set ANTHROPIC_API_KEY, or give --api-key");
});

test("a coordinator that comes later is handed the credentials of the command that submitted", async () => {
  const { coordinator, broker } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await coordinator.handedOver();
  await coordinator.leave();
  const next = await standInCoordinator(broker, "coordinator-2");
  expect(await next.secretsHeld(run.spec.run)).toEqual({
    ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef",
  });
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  await next.leave();
});

test("another coordinator that was there already is handed the credentials when it decides", async () => {
  const { coordinator } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await coordinator.handedOver();
  await run.decide({ type: "owner.changed" });
  await coordinator.handedOver();
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
});

test("to a run of another client a key goes only when it is named on the command line", async () => {
  const { coordinator, broker } = stage;
  const { memoryConnection } = await import("../testing/memory-connection.ts");
  await stage.pitaya(["do it", "--detach"], {
    connection: async () => memoryConnection(broker, "somebody-else"),
  });
  const run = await coordinator.submitted();
  await run.interrupts([]);
  const held = coordinator.secrets.size;
  const refused = await stage.pitaya(["resume", run.spec.run]);
  expect(refused.code).toBe(4);
  expect(refused.stderr).toContain("submitted by another client (somebody-else)");
  const watching = stage.start(["attach", run.spec.run]);
  expect(await watching.ended).toBe(2);
  expect(coordinator.secrets.size).toBe(held);
  const named = stage.start(["resume", run.spec.run, "--api-key", "sk-ant-named-0123456789abcdef"]);
  await coordinator.resumed();
  expect(coordinator.secrets.get(run.spec.run)).toEqual({
    ANTHROPIC_API_KEY: "sk-ant-named-0123456789abcdef",
  });
  await run.ends("succeeded");
  expect(await named.ended).toBe(0);
});

test("a declared plugin is handed what it named, and somebody else's nothing of the environment", async () => {
  const { coordinator, broker } = stage;
  const { memoryConnection } = await import("../testing/memory-connection.ts");
  const env = {
    PITAYA_PLUGINS__MINE: '{"argv":["tool","{prompt}"],"credentials":["MINE_TOKEN"]}',
    MINE_TOKEN: "mine-0123456789",
    ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef",
  };
  await stage.pitaya(["do it", "--detach", "--plugin", "mine"], { env });
  const own = await coordinator.submitted();
  expect(own.spec.agent).toMatchObject({ plugin: "mine", credentials: ["MINE_TOKEN"] });
  await own.interrupts([]);
  const poor = await stage.pitaya(["resume", own.spec.run], { env: {} });
  expect(poor).toMatchObject({ code: 4 });
  expect(poor.stderr).toContain("Set MINE_TOKEN");
  const host = stage.start(["resume", own.spec.run], {
    env: { MINE_TOKEN: "mine-later-0123456789" },
  });
  await coordinator.resumed();
  expect(coordinator.secrets.get(own.spec.run)).toEqual({ MINE_TOKEN: "mine-later-0123456789" });
  await own.ends("succeeded");
  expect(await host.ended).toBe(0);

  await stage.pitaya(["do it", "--detach", "--plugin", "mine"], {
    env,
    connection: async () => memoryConnection(broker, "somebody-else"),
  });
  const theirs = await coordinator.submitted();
  await theirs.interrupts([]);
  const key = ["--api-key", "sk-ant-named-0123456789abcdef"];
  const later = { ...env, MINE_TOKEN: "mine-later-0123456789" };
  for (const named of [[], key]) {
    const refused = await stage.pitaya(["resume", theirs.spec.run, ...named], { env: later });
    expect(refused.code).not.toBe(0);
    const watched = await stage.pitaya(["attach", theirs.spec.run, ...named], { env: later });
    expect(watched.code).not.toBe(0);
  }
  expect(await coordinator.secretsHeld(theirs.spec.run)).toEqual({ MINE_TOKEN: "mine-0123456789" });
});

test("what would change the run is an error, unless it is to be laid over the run's settings", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.interrupts([]);
  const name = run.spec.run;
  for (const stray of [
    ["--timeout", "5"],
    ["--base-url", "http://x"],
    ["--oauth-token", "t"],
  ]) {
    const { code, stderr } = await stage.pitaya(["resume", name, ...stray]);
    expect({ code, stderr }).toMatchObject({ code: 2 });
    expect(stderr).toContain("--override-config");
  }
  const policy = await stage.pitaya(["resume", name, "--resume-key-policy", "loose"]);
  expect(policy).toMatchObject({ code: 2, stderr: expect.stringContaining("strict or suffix") });
  expect(coordinator.resumes).toEqual([]);

  const host = stage.start(
    [
      ...["--resume", name, "--override-config", "--timeout", "5", "--memory", "1g"],
      ...[
        "--network",
        "offline",
        "--max-parallel",
        "3",
        "--max-startup-parallel",
        "2",
        "--base-url",
        "http://x.example/",
      ],
      ...["--oauth-token", "sk-ant-oat01-0123456789abcdef", "--resume-key-policy", "suffix"],
    ],
    { env: { PITAYA_ORCHESTRATION__RETRIES: "7" } },
  );
  await coordinator.resumed();
  expect(coordinator.resumes[0]).toMatchObject({
    keyPolicy: "suffix",
    override: {
      limits: { timeoutMs: 5_000, memoryBytes: 1024 ** 3 },
      ...{
        network: "offline",
        maxParallel: 3,
        maxStarting: 2,
        retries: 7,
        baseUrl: "http://x.example/",
      },
      credentials: ["CLAUDE_CODE_OAUTH_TOKEN"],
    },
  });
  expect(coordinator.secrets.get(name)).toEqual({
    CLAUDE_CODE_OAUTH_TOKEN: "sk-ant-oat01-0123456789abcdef",
  });
  await run.interrupts([]);
  expect(await host.ended).toBe(2);
  const poor = await stage.pitaya(["resume", name], { env: {} });
  expect(poor.stderr).toContain("the run needs CLAUDE_CODE_OAUTH_TOKEN");
});

test("resuming a run that runs attaches to it: Ctrl-C leaves it running", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  const host = stage.start(["resume", run.spec.run], { env: {} });
  await host.stderr.shows("running already");
  host.send("SIGINT");
  expect(await host.ended).toBe(0);
  expect(coordinator.stops).toEqual([]);
});

test("resuming a run that has ended needs nothing, changes nothing and says so", async () => {
  const { coordinator } = stage;
  await stage.pitaya(["do it", "--detach"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.ends("failed");
  const { code, stderr } = await stage.pitaya(["resume", run.spec.run], { env: {} });
  expect(code).toBe(3);
  expect(stderr).toContain("nothing is changed");
  expect(coordinator.resumes).toEqual([]);
});
