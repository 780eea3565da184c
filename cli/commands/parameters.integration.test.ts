import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "@pitaya/bus";
import { buckets, RunnerAbout } from "@pitaya/protocol";
import {
  branchParam,
  defineStrategy,
  pluginParam,
  taskFileParam,
  textFileParam,
} from "@pitaya/strategies";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { useStage } from "../testing/stage.ts";

const stage = useStage();
const strategies = [
  defineStrategy({
    name: "with-files",
    params: z.object({
      n: z.int().min(1).default(1),
      on: z.boolean().default(false),
      words: z.array(z.string()).default([]),
      pages_file: textFileParam().optional(),
      verify: z.union([z.string(), z.object({ files: z.array(taskFileParam()) })]).optional(),
      on_branch: branchParam().optional(),
      plugins: z.array(pluginParam()).default([]),
    }),
    execute: async () => ({ status: "succeeded" as const, tasks: [] }),
  }),
];
const RUN = ["do it", "--detach", "--strategy", "with-files"];
const noStore = () => Promise.reject(new Error("nothing may be connected to"));
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "pitaya-test-home-"));
});
afterEach(() => rmSync(home, { recursive: true }));

async function submitted(argv: readonly string[], env?: Readonly<Record<string, string>>) {
  const host = stage.start([...RUN, ...argv], { home, strategies, ...(env && { env }) });
  const run = await stage.coordinator.submitted();
  expect(await host.ended).toBe(0);
  return run;
}

async function refused(argv: readonly string[]): Promise<string> {
  const more = { home, strategies, connection: noStore };
  const { code, stdout, stderr } = await stage.pitaya([...RUN, ...argv], more);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  return stderr;
}

const filesOf = async ({ spec }: Awaited<ReturnType<typeof submitted>>) =>
  Promise.all(
    (spec.files ?? []).map(async ({ blob, ...file }) => {
      const parts: Uint8Array[] = [];
      for await (const part of stage.coordinator.bus.blobs.get(blob)) parts.push(part);
      return { ...file, text: Buffer.concat(parts).toString() };
    }),
  );

test("parameters of files are under those of the command line, each read as its schema means it", async () => {
  stage.repository.write(
    "pitaya.yaml",
    "strategies:\n  with_files:\n    n: 2\n    on: yes\n    words: [a]\n    model: opus\n",
  );
  const { spec } = await submitted(["-S", "n=3", "-S", "words=x, y"]);
  expect(spec.strategy.params).toEqual({ n: 3, on: true, words: ["x", "y"], model: "opus" });
});

test("what the command line says of the run goes before what a file says of the strategy", async () => {
  stage.repository.write("pitaya.yaml", "strategies:\n  with-files:\n    model: opus\n");
  const { spec } = await submitted(["--model", "haiku", "--include-branches", "main"]);
  expect(spec.strategy.params).toEqual({ include_branches: ["main"] });
  expect(spec.agent.model).toBe("haiku");
});

test("a wrong parameter is told by the place it was written in, with those that are known", async () => {
  stage.repository.write("pitaya.yaml", "strategies:\n  with-files:\n    n: many\n    m: 1\n");
  const said = await refused(["-S", "on=perhaps"]);
  expect(said).toContain(
    'pitaya.yaml:3: strategies.with-files.n: expected a whole number of at least 1, not "many"',
  );
  expect(said).toContain("pitaya.yaml:4: strategies.with-files.m: strategy with-files has no such");
  expect(said).toContain('-S on: expected true or false, not "perhaps"');
  expect(said).toContain("parameters of with-files: n, on, words, pages_file");
});

test("files that parameters name travel with the run: of the root first, also uncommitted", async () => {
  const { repository } = stage;
  mkdirSync(join(repository.path, "docs/held-out/deep"), { recursive: true });
  repository.write("pages.yml", "of the root");
  repository.write("docs/pages.yml", "of the working directory");
  repository.write("docs/held-out/b.test.ts", "b");
  repository.write("docs/held-out/deep/a.sh", "a");
  chmodSync(join(repository.path, "docs/held-out/deep/a.sh"), 0o755);
  writeFileSync(join(home, "outside.ts"), "outside");
  const verify = JSON.stringify({ files: ["held-out", "~/outside.ts"] });
  const host = stage.start([...RUN, "-S", "pages_file=pages.yml", "-S", `verify=${verify}`], {
    ...{ home, strategies, cwd: join(repository.path, "docs") },
  });
  const run = await stage.coordinator.submitted();
  expect(await host.ended).toBe(0);
  expect(await filesOf(run)).toEqual([
    {
      ...{ name: "pages.yml", use: "strategy", path: "pages.yml" },
      executable: false,
      text: "of the root",
    },
    {
      ...{ name: "held-out", use: "task", path: "docs/held-out/b.test.ts" },
      executable: false,
      text: "b",
    },
    {
      ...{ name: "held-out", use: "task", path: "docs/held-out/deep/a.sh" },
      executable: true,
      text: "a",
    },
    {
      ...{ name: "~/outside.ts", use: "task", path: "outside.ts" },
      executable: false,
      text: "outside",
    },
  ]);
});

test("variables in a file's name are filled in, and one that is not set is an error", async () => {
  writeFileSync(join(home, "pages.yml"), "by variable");
  const env = { ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef", PAGES: home };
  const run = await submitted(["-S", "pages_file=$PAGES/pages.yml"], env);
  expect(await filesOf(run)).toMatchObject([{ name: "$PAGES/pages.yml", text: "by variable" }]);
  expect(await refused(["-S", "pages_file=$NONE/x"])).toContain("holds $NONE, which is not set");
  expect(await refused(["-S", "pages_file=none.yml"])).toContain("is no file that is there");
  expect(await refused(["-S", "pages_file=.git/config"])).toContain("is hidden, and is not sent");
});

test.each([
  ["# none yet\n", "-S pages_file: pages.yml is empty"],
  ["- docs/a.md\n", "-S pages_file: pages.yml page 1: "],
  [
    "- {title: A, path: README.md}\n- {title: B, path: docs/b.md}\n",
    "-S pages_file: pages.yml lists files that main does not have: docs/b.md (page 2)",
  ],
])("doc-review with pages %j is refused before anything is submitted", async (pages, said) => {
  stage.repository.write("pages.yml", pages);
  stage.repository.write("docs-b.md", "uncommitted");
  expect(await refused(["--strategy", "doc-review", "-S", "pages_file=pages.yml"])).toContain(said);
});

test("a cloned repository has no say in which of the user's files leave", async () => {
  const secret = join(home, "secret.txt");
  writeFileSync(secret, "secret");
  symlinkSync(secret, join(stage.repository.path, "pages.yml"));
  stage.repository.write(".env", "DATABASE=secret\n");
  expect(await refused(["-S", "pages_file=pages.yml"])).toContain("leads out of the repository");
  for (const file of [
    "~/secret.txt",
    secret,
    "../../etc/passwd",
    "pages.yml",
    ".env",
    ".git/config",
  ]) {
    stage.repository.write("pitaya.yaml", `strategies:\n  with-files:\n    pages_file: ${file}\n`);
    expect(await refused([])).toMatch(
      /pitaya\.yaml:3: strategies\.with-files\.pages_file: .*(leads out of the repository|is hidden|is no file)/,
    );
  }
});

test("a file that holds a credential in use is not sent", async () => {
  stage.repository.write("pages.yml", "key: sk-ant-test-0123456789abcdef\n");
  const said = await refused(["-S", "pages_file=pages.yml"]);
  expect(said).toContain("pages.yml holds a credential that this command was given");
  expect(said).not.toContain("0123456789abcdef");
});

test("branches and plugins that parameters name go with the run", async () => {
  const { repository } = stage;
  repository.git("branch", "other");
  repository.git("tag", "v1");
  repository.write(
    "pitaya.yaml",
    "plugins:\n  mine:\n    argv: [tool, '{prompt}']\n    image: tools:1\n    credentials: [MINE_TOKEN]\n",
  );
  expect(await refused(["-S", "plugins=mine"])).toContain(
    "pitaya.yaml:2: plugins.mine would decide",
  );
  expect((await stage.pitaya(["trust", "--yes"], { home })).code).toBe(0);
  const env = { ANTHROPIC_API_KEY: "sk-ant-test-0123456789abcdef", MINE_TOKEN: "mine-0123456789" };
  const { spec } = await submitted(
    ["-S", "plugins=mine,claude-code", "-S", "on_branch=v1", "--include-branches", "other,main"],
    env,
  );
  expect(spec.branches).toMatchObject([
    { branch: "v1", commit: repository.head },
    { branch: "other", commit: repository.head },
  ]);
  expect(spec.agent.plugin).toBe("claude-code");
  expect(spec.otherAgents).toMatchObject([
    { plugin: "mine", image: "tools:1", credentials: ["MINE_TOKEN"], cliArgs: [] },
  ]);
  expect(await stage.coordinator.secretsHeld(spec.run)).toEqual(env);
  expect(JSON.stringify(spec)).not.toContain("mine-0123456789");
});

test("--require-clean-wt refuses to run beside changes that are not committed", async () => {
  stage.repository.write("dirty.txt", "x");
  const dirty = await stage.pitaya(["do it", "--require-clean-wt"], { connection: noStore });
  expect(dirty).toMatchObject({ code: 1, stdout: "" });
  expect(dirty.stderr).toContain("there are changes that are not committed");
});

async function offer(runner: string, slots: number): Promise<void> {
  const about = {
    ...{ v: 1 as const, runner, version: "0", pool: "default", labels: {}, slots, cpus: 4 },
    ...{ memoryBytes: 1, engineVersion: "1", curveKey: `X${"A".repeat(55)}`, packs: [] },
  };
  const runners = stage.coordinator.bus.bucket(buckets.runners);
  await runners.put(`${runner}.about`, encode(RunnerAbout, about));
}

test("--dry-run checks as a run does, prints what it would be made of, and connects to nothing", async () => {
  const dry = (argv: readonly string[]) =>
    stage.pitaya(["do it", "--dry-run", ...argv], { home, connection: noStore });
  const argv = ["--strategy", "best-of-n", "-S", "n=2", "--memory", "1g", "--network", "proxy"];
  const { code, stdout, stderr } = await dry([...argv, "--json", "--nats", "nats://me:pw@h:1"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(JSON.parse(stdout)).toMatchObject({
    ...{ v: 1, where: "nats://h:1", strategy: "best-of-n", network: "proxy", executions: 1 },
    params: { n: 2, tie_breaker: "first" },
    base: { name: "main", commit: stage.repository.git("rev-parse", "HEAD").trim() },
    agents: [{ plugin: "claude-code", image: "pitaya-agents:latest" }],
    limits: { "runner.memory_limit": "1g" },
  });
  const text = await dry(["--parallel", "conservative"]);
  expect(text.stdout).toMatch(/^where +the embedded stack, on this machine$/m);
  expect(text.stdout).toMatch(/^max_parallel +the slots there are, times 0.5$/m);
  expect(text.stdout).toMatch(/nothing was started\n$/);
  expect((await dry(["-S", "n=3"])).code).toBe(2);
  expect((await dry(["--network", "offline"])).stderr).toContain("offline leaves it without");
  expect((await dry(["--base-branch", "none"])).code).toBe(1);
  expect((await dry(["--include-branches", "gone"])).stderr).toContain(
    'no branch, tag or commit "gone"',
  );
  const spread = ["--strategy", "best-of-n", "-S", "plugins=claude-code,nope"];
  expect((await dry(spread)).stderr).toContain('-S plugins: there is no plugin "nope"');
});

test("which agents an address is not for is said", async () => {
  const env = { ANTHROPIC_API_KEY: "sk-ant-test-0123456789", OPENAI_API_KEY: "sk-test-0123456789" };
  const spread = ["--strategy", "best-of-n", "-S", "n=2", "-S", "plugins=claude-code,codex"];
  const given = ["--base-url", "http://llm.example", "--api-key", "sk-ant-test-9876543210"];
  const argv = ["do it", "--detach", ...spread, ...given];
  const host = stage.start(argv, { home, env });
  const { spec } = await stage.coordinator.submitted();
  expect(await host.ended).toBe(0);
  expect(spec.agent.baseUrl).toBe("http://llm.example");
  expect(host.stderr.text).toContain(
    "--base-url, --api-key are for claude-code; codex goes to https://api.openai.com/v1 with what the environment says",
  );
});

test("the order of the queue and how many may start at once are in the run", async () => {
  expect((await submitted([])).spec).not.toHaveProperty("randomQueue");
  const said = await submitted(["--randomize-queue", "--max-startup-parallel", "3"]);
  expect(said.spec).toMatchObject({ randomQueue: true, maxStarting: 3 });
  const many = await submitted(["--max-parallel", "40"]);
  expect(many.spec).toMatchObject({ maxParallel: 40, maxStarting: 10 });
  for (const argv of [[], ["--max-parallel", "10"], ["--max-startup-parallel", "auto"]]) {
    expect((await submitted(argv)).spec).not.toHaveProperty("maxStarting");
  }
});

test("--parallel is a share of the slots there are, and flags of their own go before it", async () => {
  await offer("runner-a", 3);
  await offer("runner-b", 2);
  const half = await submitted(["--parallel", "conservative"]);
  expect(half.spec).toMatchObject({
    maxParallel: 2,
    limits: { cpus: 1, memoryBytes: 2 * 1024 ** 3 },
  });
  const all = await submitted(["--parallel", "balanced"]);
  expect(all.spec).toMatchObject({
    maxParallel: 5,
    limits: { cpus: 2, memoryBytes: 4 * 1024 ** 3 },
  });
  const more = await submitted(["--parallel", "aggressive", "--cpu", "1"]);
  expect(more.spec).toMatchObject({
    maxParallel: 10,
    limits: { cpus: 1, memoryBytes: 6 * 1024 ** 3 },
  });
  expect(stage.connection.slots).toBe(10);
  const said = await submitted(["--parallel", "aggressive", "--max-parallel", "4"]);
  expect(said.spec.maxParallel).toBe(4);
  expect(await refused(["--parallel", "much"])).toContain(
    "--parallel: expected one of conservative",
  );
});
