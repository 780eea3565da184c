import { loadText } from "@pitaya/bus";
import { findStrategy, paramsSchema, strategyNames } from "@pitaya/strategies";
import { OutwardEvent } from "@pitaya/views";
import { attemptFailed, madeCommits } from "@pitaya/views/testing";
import { expect, test } from "vitest";
import { useStage } from "../testing/stage.ts";
import { agentPatch, agentWork } from "../testing/user-repository.ts";

const stage = useStage();
const branchOf = (run: string, instance: string) => `pitaya/simple/${run}/k${instance.slice(0, 8)}`;

test("a prompt becomes a branch, a summary on stdout and files in .pitaya, and nothing else changes", async () => {
  const { repository, coordinator } = stage;
  repository.write("dirty.txt", "not committed\n");
  const state = () => ({
    status: repository.git("status", "--porcelain"),
    refs: repository.git("for-each-ref", "refs/heads/main", "refs/tags", "refs/remotes"),
    head: repository.git("symbolic-ref", "HEAD"),
    config: repository.git("config", "--local", "--list"),
  });
  const before = state();
  const host = stage.start(["write a file"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  const work = await agentWork(repository, coordinator.bus, "hello.txt", "hello\n");
  await run.succeeds("main", work);
  await run.ends("succeeded");

  expect(await host.ended).toBe(0);
  const { run: id } = run.spec;
  const branch = branchOf(id, run.instance("main"));
  expect(repository.git("rev-parse", branch)).toBe(work.work?.commit);
  expect(host.stdout.text).toContain(`branch: ${branch}`);
  expect(host.stderr.text).toContain("warning: there are changes that are not committed");
  expect(state()).toEqual(before);
  expect(repository.git("notes", "--ref=pitaya", "show", branch)).toContain(`pitaya-run: ${id}`);
  expect(stage.file("results", id, "branches.txt")).toBe(`${branch}\n`);
  expect(JSON.parse(stage.file("results", id, "summary.json") ?? "")).toMatchObject({
    run_id: id,
    status: "completed",
    exit_code: 0,
    results: [{ branch_name: branch, success: true, imported_ref: `refs/heads/${branch}` }],
  });
});

test("the credential goes sealed to the coordinator and is nowhere else", async () => {
  const { coordinator, broker } = stage;
  const secret = "sk-ant-canary-0123456789abcdef";
  const host = stage.start(["do it", "--api-key", secret, "--verbose"], { env: {} });
  const run = await coordinator.submitted();
  expect(await coordinator.secretsHeld(run.spec.run)).toEqual({ ANTHROPIC_API_KEY: secret });
  expect(run.spec.agent.credentials).toEqual(["ANTHROPIC_API_KEY"]);
  await run.starts("main");
  await run.fails("main", attemptFailed({ lastOutput: `echoed ${secret}` }));
  await run.ends("failed");
  expect(await host.ended).toBe(3);
  for (const payload of broker.payloads()) {
    // What the stand-in's runner wrote is the runner's to redact.
    if (!Buffer.from(payload).includes("lastOutput")) {
      expect(Buffer.from(payload).includes(secret)).toBe(false);
    }
  }
  const file = stage.file("results", run.spec.run, "instances", `${run.instance("main")}.json`);
  expect(file).toContain("echoed [REDACTED]");
  expect(host.stdout.text + host.stderr.text).not.toContain(secret);
});

test.each([
  [["--api-key", "sk-ant-canary-0123456789abcdef"], "--api-key"],
  [[], "ANTHROPIC_API_KEY"],
])("a refused credential is named by where it came from: %j", async (how, from) => {
  const { coordinator } = stage;
  const host = stage.start(["do it", "--output", "quiet", ...how]);
  const run = await coordinator.submitted();
  await run.starts("main");
  const error = {
    code: "credentials_refused",
    message: "Invalid API key",
    retryable: false,
  } as const;
  await run.fails("main", attemptFailed({ error }));
  await run.ends("failed");
  await host.ended;
  expect(host.stderr.text).toContain(`the credential that was refused was given by ${from}\n`);
});

test("json output is NDJSON that fits the schema, each event once, run.summary last", async () => {
  const { coordinator, repository } = stage;
  repository.write("dirty.txt", "so that there is a warning\n");
  const host = stage.start(["--json", "do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.succeeds(
    "main",
    madeCommits({ work: undefined as never, finalMessage: { inline: "no" } }),
  );
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  const events = host.stdout.lines.map((line) => OutwardEvent.parse(JSON.parse(line)));
  expect(events.at(-1)).toMatchObject({ type: "run.summary", payload: { status: "completed" } });
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(events.map(({ type }) => type)).toEqual([
    "run.started",
    "strategy.started",
    "task.scheduled",
    ...Array.from({ length: 4 }, () => "task.progress"),
    "task.started",
    "task.completed",
    "strategy.completed",
    "run.completed",
    "run.summary",
  ]);
  const inFile = stage.file("logs", run.spec.run, "events.jsonl")?.trimEnd().split("\n");
  expect(inFile).toEqual(host.stdout.lines.slice(0, -1));
});

test("quiet output is the branch names and nothing else", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it", "--output", "quiet"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.succeeds("main", await agentWork(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  expect(host.stdout.text).toBe(`${branchOf(run.spec.run, run.instance("main"))}\n`);
  expect(host.stderr.text).toBe("");
});

test("changes that were not committed are success with a word on how to get at them", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.succeeds("main", await agentPatch(repository, coordinator.bus, "a.txt", "a\n"));
  await run.ends("succeeded");
  expect(await host.ended).toBe(0);
  expect(host.stdout.text).toContain("succeeded, uncommitted");
  expect(host.stdout.text).toContain(`pitaya import ${run.spec.run} --uncommitted`);
  expect(host.stdout.text).toContain("--force-commit");
});

test("a prompt may come on standard input, and is taken as it is", async () => {
  const { coordinator } = stage;
  const input = `-a\tprompt\n${"long ".repeat(3_000)}\n`;
  const host = stage.start(["-", "--detach"], { input });
  const { spec } = await coordinator.submitted();
  expect(await host.ended).toBe(0);
  expect(await loadText(coordinator.bus, spec.prompt)).toBe(input);
  for (const [bad, why] of [
    [" \n", "the prompt is empty"],
    [Uint8Array.of(0x61, 0xff), "is no UTF-8"],
  ] as const) {
    const { code, stderr } = await stage.pitaya(["run", "-"], { input: bad });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(why) });
  }
});

const LIMITING = strategyNames.filter((name) =>
  Object.hasOwn(paramsSchema(findStrategy(name)).shape, "max_turns"),
);
test.each([
  ...LIMITING.flatMap((name) =>
    ["codex", "opencode", "command"].map((plugin) => [
      ["--strategy", name, "-S", "max_turns=3", "--plugin", plugin, "--cli-arg=x"],
      `${plugin}: maxTurns`,
    ]),
  ),
  ...["claude-code", "codex", "gemini", "opencode"].map((plugin) => [
    ["--plugin", plugin, "--network", "offline"],
    `${plugin}: networkEgress: offline`,
  ]),
  [["--plugin", "codex", "--oauth-token", "t"], "codex takes no --oauth-token"],
  [["--plugin", "command", "--cli-arg=x", "--base-url", "http://x"], "command: the base URL"],
] as [string[], string][])(
  "%j is refused before anything is spent, by name",
  async (how, named) => {
    const names = ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"];
    const env = Object.fromEntries(names.map((name) => [name, "sk-0123456789abcdef"]));
    const connection = () => Promise.reject(new Error("nothing may be connected to"));
    const { code, stderr } = await stage.pitaya(["do it", ...how], { env, connection });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(named) });
  },
);

test("a failed outcome exits with 3, and every failure line has type and message", async () => {
  const { coordinator } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  await run.starts("main");
  await run.fails("main", attemptFailed());
  await run.ends("failed");
  expect(await host.ended).toBe(3);
  expect(host.stderr.text).toContain("failed: agent_failed: the agent exited with 1");
  expect(host.stdout.text).toContain("agent_failed: the agent exited with 1");
});

test("a branch of that name at another commit is refused, told and noted; the exit code says so", async () => {
  const { coordinator, repository } = stage;
  const host = stage.start(["do it"]);
  const run = await coordinator.submitted();
  const branch = branchOf(run.spec.run, run.instance("main"));
  repository.git("branch", branch);
  const work = await agentWork(repository, coordinator.bus, "a.txt", "a\n");
  await run.starts("main");
  await run.succeeds("main", work);
  await run.ends("succeeded");
  expect(await host.ended).toBe(1);
  expect(host.stdout.text).toContain("not imported:");
  expect(host.stderr.text).toContain("branch not imported: ref_conflict");
  expect(repository.git("rev-parse", branch)).toBe(repository.head);

  const suffixed = await stage.pitaya(["import", run.spec.run], {
    env: { PITAYA_IMPORT_CONFLICT_POLICY: "suffix" },
  });
  expect(suffixed.code).toBe(0);
  expect(repository.git("rev-parse", `${branch}_2`)).toBe(work.work?.commit);
});

test("--detach prints the id alone and leaves the run to others", async () => {
  const { coordinator } = stage;
  const host = stage.start(["do it", "--detach"]);
  const run = await coordinator.submitted();
  expect(await host.ended).toBe(0);
  expect(host.stdout.text).toBe(`${run.spec.run}\n`);
  expect(coordinator.stops).toEqual([]);
});

test("a base the store lost is sent again under the same run id", async () => {
  const { coordinator } = stage;
  coordinator.refuse({ code: "blob_missing", message: "it is not there", retryable: true }, 1);
  const host = stage.start(["do it", "--detach"]);
  await coordinator.submitted();
  expect(await host.ended).toBe(0);
  const [first, second] = coordinator.submits;
  expect(second?.spec.run).toBe(first?.spec.run);
});

test("a second run sends only what is new", async () => {
  const { coordinator, repository } = stage;
  const submitted = async () => {
    const host = stage.start(["do it", "--detach"]);
    const run = await coordinator.submitted();
    await host.ended;
    return run.spec.base;
  };
  const first = await submitted();
  const same = await submitted();
  expect(same.bundles).toEqual(first.bundles);
  repository.write("new.txt", "new\n");
  repository.git("add", "-A");
  repository.git("commit", "-q", "-m", "second");
  const next = await submitted();
  expect(next.commit).toBe(repository.head);
  expect(next.bundles).toHaveLength(2);
  expect(next.bundles[1]).toEqual(first.bundles[0]);
  expect(next.bundles[0]?.blob.parents).toEqual([first.bundles[0]?.blob.sha256]);
});
