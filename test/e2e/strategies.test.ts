import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cast, commitsFile, type Part, says } from "../support/model-server/cast.ts";
import { branchesOf, RUN_ID, resultOf } from "../support/pitaya.ts";
import { embeddedStack, type Stack } from "../support/stack.ts";

/*
 * Each built-in strategy once, with the real Claude Code CLI in real containers; what the agents
 * answer is played. Every failure of theirs has its test beside the strategy's code.
 */

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

interface Result {
  readonly key: string;
  readonly instance_id: string;
  readonly strategy_execution_id: string;
  readonly status: string;
  readonly branch_name: string | null;
  readonly commit: string | null;
  readonly cost: number;
  readonly metadata: Readonly<Record<string, unknown>>;
}
interface Played {
  readonly cwd: string;
  readonly run: string;
  readonly code: number;
  readonly stderr: string;
  readonly summary: {
    readonly total_cost: number;
    readonly cost_unknown: number;
    readonly results: readonly Result[];
    readonly strategies: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  heard: ReturnType<typeof cast>["heard"];
  /** What tools answered to the agents whose prompt is like this. */
  toolsSaid(prompt: RegExp): string;
  of(key: string): Result;
  result(file: string): Promise<string>;
}

/** A run in a repository of two commits, the first of which is called release, and a few files more. */
async function play(
  parts: Readonly<Record<string, Part>>,
  args: readonly string[],
): Promise<Played> {
  const { user, repository, model, modelFor } = stack;
  const cwd = await repository();
  await testGit(cwd, ["branch", "release"]);
  await mkdir(join(cwd, "docs"));
  await writeFile(join(cwd, "docs/start.md"), "# Start\n");
  await testGit(cwd, ["add", "docs"]);
  await testGit(cwd, ["commit", "--quiet", "--message=docs"]);
  await writeFile(join(cwd, "check.sh"), `grep -q right answer.txt && echo '{"score": 0.5}'\n`);
  await writeFile(join(cwd, "pages.yml"), "pages:\n  - {title: Start, path: docs/start.md}\n");
  const { scenario, heard } = cast(parts);
  const { url, id } = modelFor(scenario);
  const told = ["write the answer", ...args, "--no-tui", "--base-url", url];
  const { code, stdout, stderr } = await user.run(told, { cwd });
  const run = RUN_ID.exec(stderr + stdout)?.[0] ?? "no run";
  const result = (file: string) => resultOf(cwd, run, file);
  const summary = JSON.parse(
    await result("summary.json").catch(() => {
      throw new Error(`exit ${code} without a summary:\n${stderr}${stdout}`);
    }),
  ) as Played["summary"];
  const toolsSaid = (prompt: RegExp) =>
    model
      .requests(id)
      .filter((request) => prompt.test(request.prompt))
      .flatMap(({ toolResults }) => toolResults)
      .join("\n");
  const of = (key: string): Result => {
    const found = summary.results.find((one) => one.key === key);
    if (found) return found;
    throw new Error(`no ${key} among ${summary.results.map((one) => one.key).join(", ")}`);
  };
  const spent = summary.results.reduce((sum, { cost }) => sum + (cost ?? 0), 0);
  expect(summary.total_cost).toBeCloseTo(spent, 4);
  return { cwd, run, code, stderr, summary, heard, toolsSaid, of, result };
}

const scores = (score: number) =>
  JSON.stringify({ correctness: score, completeness: score, quality: score });
const fileAt = (cwd: string, branch: string | null, path: string) =>
  testGit(cwd, ["show", `${branch}:${path}`]);
const writes =
  (path: string, text: string): Part["plays"] =>
  () => [commitsFile(path, text), { text: `Wrote ${path}.` }];

it("scoring: an answer that is no score is asked for again, in the user's own voice", async () => {
  const broken = '{"correctness": 8, "completeness": 8, "quality": 8,}';
  const nan = '{"correctness": NaN, "completeness": 1, "quality": 1}';
  const answers = ["Eight of ten.", broken, nan, scores(8)];
  const { cwd, code, heard, of, summary, result } = await play(
    {
      scorer: { hears: /^evaluate correctness/, plays: (n) => says(answers[n] ?? "?") },
      generator: { hears: /write the answer/, plays: writes("answer.txt", "right\n") },
    },
    [
      ...["--strategy", "scoring", "-S", "model=haiku"],
      ...["-S", "scorer_prompt=evaluate correctness", "-S", "scorer_max_retries=3"],
    ],
  );
  expect(code).toBe(0);
  expect(of("gen").metadata).toMatchObject({ score: 8, scorer_attempts: 4, scorer_success: true });
  expect(summary.results).toHaveLength(5);
  expect(summary.total_cost).toBeGreaterThan(of("gen").cost);
  for (const { request } of heard()) expect(request.model).toContain("haiku");
  expect(await branchesOf(cwd)).toEqual([of("gen").branch_name]);
  expect(await fileAt(cwd, of("gen").branch_name, "answer.txt")).toBe("right");
  const [s1 = ""] = Object.keys(summary.strategies);
  expect(JSON.parse(await result(`strategy_output/scoring_${s1}.json`))).toMatchObject({
    strategy_name: "scoring",
    results: [{ branch_name: of("gen").branch_name, success: true, metadata: { score: 8 } }],
  });
});

/** A configuration with a plugin that writes an answer of its own. */
async function withWriter(): Promise<string> {
  const config = join(await stack.directory(), "pitaya.yaml");
  const shell = "echo right, barely > answer.txt; git add answer.txt; git commit -qm answer";
  const writer = { argv: ["sh", "-c", shell, "{prompt}"], output: "text" };
  await writeFile(config, JSON.stringify({ plugins: { writer } }));
  return config;
}

it("best-of-n: over two plugins and models, the one that passes the hidden check wins", async () => {
  const config = await withWriter();
  const candidate =
    (text: string): Part["plays"] =>
    () => [
      { bash: "find / -name check.sh 2>/dev/null; echo looked" },
      commitsFile("answer.txt", text),
      { text: "Done." },
    ];
  const { cwd, run, code, heard, toolsSaid, of, summary } = await play(
    {
      breaker: { hears: /^<task>[\s\S]*Be quick/, plays: candidate("wrong\n") },
      careful: { hears: /^<task>[\s\S]*Be careful/, plays: candidate("right and clear\n") },
      scorer: {
        hears: /You judge a change/,
        plays: (_, { toolResults }) => [
          { bash: "cat answer.txt; git diff --stat main...HEAD; touch x 2>&1 || true" },
          { text: scores(toolResults.join().includes("right and clear") ? 7 : 5) },
        ],
      },
    },
    [
      ...["--strategy", "best-of-n", "-S", "n=3", "--config", config],
      ...["-S", "plugins=claude-code,writer", "-S", 'models=["sonnet","haiku","opus"]'],
      ...["-S", 'diversity_hints=["Be quick.", "", "Be careful."]'],
      ...["-S", 'verify={"command": "sh check.sh", "files": ["check.sh"]}'],
    ],
  );
  expect(code).toBe(0);
  expect(toolsSaid(/Be careful/)).toMatch(/looked/);
  expect(toolsSaid(/Be careful/)).not.toContain("check.sh");
  expect(toolsSaid(/You judge a change/)).toMatch(/answer\.txt \|[\s\S]*Read-only file system/);
  // Only what the declared program spent is not known.
  expect(summary.cost_unknown).toBe(1);
  expect(of("cand1/verify").metadata).toMatchObject({ kind: "verify", verify_exit_code: 1 });
  const { metadata, chosen } = summary.strategies["s1"] ?? {};
  expect(chosen).toBe(of("cand3/gen").instance_id);
  expect(metadata).toMatchObject({
    ...{ successful_candidates: 2, selection_reason: "highest_score", bestofn_index: 3 },
    ...{ score: 6, judged: 7, verified: 0.5 },
    candidates: [
      { plugin: "claude-code", model: "sonnet", failed_stage: "verify", score: null },
      { plugin: "writer", model: "haiku", judged: 5, score: 5 },
      { plugin: "claude-code", model: "opus", judged: 7, score: 6 },
    ],
  });
  expect(await fileAt(cwd, of("cand2/gen").branch_name, "answer.txt")).toBe("right, barely");

  const best = `pitaya/best-of-n/${run}/best`;
  expect(await testGit(cwd, ["rev-parse", best])).toBe(of("cand3/gen").commit);
  expect(await branchesOf(cwd)).toEqual(
    [best, ...[1, 2, 3].map((n) => of(`cand${n}/gen`).branch_name)].sort(),
  );
  expect(heard("careful")[0]?.request.model).toContain("opus");
});

it("best-of-n, three times: one that fails takes no other's branches, and fails the run", async () => {
  const conversations: string[] = [];
  const { cwd, run, code, summary } = await play(
    {
      generator: {
        hears: /^write the answer/,
        plays(_, { toolResults: [conversation] }) {
          if (conversation && !conversations.includes(conversation))
            conversations.push(conversation);
          const isFirst = conversation === conversations[0];
          const answer = commitsFile("answer.txt", isFirst ? "wrong\n" : "right and clear\n");
          return [{ bash: "cat /proc/sys/kernel/random/uuid" }, answer, { text: "Done." }];
        },
      },
      scorer: {
        hears: /You judge a change/,
        plays(_, { toolResults }) {
          const seen = toolResults.join();
          const score = seen.includes("clear") ? 8 : seen.includes("barely") ? 6 : 2;
          return [{ bash: "cat answer.txt" }, { text: scores(score) }];
        },
      },
    },
    [
      ...["--runs", "3", "--strategy", "best-of-n", "--config", await withWriter()],
      ...["-S", "n=2", "-S", "plugins=claude-code,writer", "-S", "fail_below_score=5"],
      ...["-S", "require_min_success=2"],
    ],
  );
  expect(code).toBe(3);
  const { s1, s2, s3 } = summary.strategies;
  expect([s1, s2, s3].map((strategy) => strategy?.["state"]).sort()).toEqual([
    ...["completed", "completed", "failed"],
  ]);
  const branches: string[] = [];
  for (const [id, { state, reason, chosen }] of Object.entries(summary.strategies)) {
    const own = summary.results.filter((result) => result.strategy_execution_id === id);
    const made = own.filter(({ key }) => key.endsWith("/gen"));
    branches.push(...made.map(({ branch_name }) => String(branch_name)));
    if (state === "failed") {
      expect(reason).toMatch(/^1 of 2 candidates are viable, 2 required: .*score 2 is below 5/);
      continue;
    }
    const best = `pitaya/best-of-n/${run}/best-${id.slice(1)}`;
    const winner = made.find(({ instance_id }) => instance_id === chosen);
    expect(winner?.key).toBe("cand1/gen");
    expect(await testGit(cwd, ["rev-parse", best])).toBe(winner?.commit);
    branches.push(best);
  }
  expect(branches).toHaveLength(8);
  expect(await branchesOf(cwd)).toEqual(branches.sort());
});

it("iterative: each stage stands on the one before, and a review leaves nothing", async () => {
  const { cwd, code, of, heard, summary } = await play(
    {
      reviewer: {
        hears: /You review a change/,
        plays: () => [{ bash: "cat answer.txt; touch x 2>&1 || true" }, { text: "1. Say why." }],
      },
      refiner: { hears: /You improve a change/, plays: writes("why.txt", "because\n") },
      generator: { hears: /^write the answer/, plays: writes("answer.txt", "right\n") },
    },
    ["--strategy", "iterative", "-S", "iterations=2"],
  );
  expect(code).toBe(0);
  expect(of("iter/2").metadata).toMatchObject({
    base_commit: of("iter/1").commit,
    iterations_completed: 2,
  });
  expect(of("review/1/attempt-1")).toMatchObject({
    branch_name: null,
    metadata: { base_commit: of("iter/1").commit },
  });
  expect(heard("refiner")[0]?.request.prompt).toContain("1. Say why.");
  expect(await fileAt(cwd, of("iter/2").branch_name, "answer.txt")).toBe("right");
  expect(await fileAt(cwd, of("iter/2").branch_name, "why.txt")).toBe("because");
  expect(summary.results).toHaveLength(3);
});

it("bug-finding: searches the whole repository, confirms, and fixes on a branch of its own", async () => {
  const bug = "Title: no end\nSeverity: low\nRoot cause: no end.txt\nReproduction: ls";
  const { cwd, code, of, heard, result, summary } = await play(
    {
      discoverer: {
        hears: /You hunt for bugs/,
        plays: (n) => says(n === 0 ? "ok" : `${bug}\nFiles: docs/start.md`),
      },
      validator: {
        hears: /Somebody reports a bug/,
        plays: writes("BUG_REPORT.md", `${bug}\nProposed fix: an end\n`),
      },
      fixer: { hears: /A bug in this repository is confirmed/, plays: writes("end.txt", "end\n") },
    },
    ["--strategy", "bug-finding"],
  );
  expect(code).toBe(0);
  expect(heard("discoverer")[0]?.request.prompt).toContain("The whole repository.");
  expect(heard("discoverer")[1]?.request.prompt).toContain('nothing under "Title:"');
  expect(heard("fixer")[0]?.request.prompt).toContain("Proposed fix: an end");
  const report = of("validation/attempt-1");
  expect(await fileAt(cwd, report.branch_name, "BUG_REPORT.md")).toContain(
    "Root cause: no end.txt",
  );
  const files = await testGit(cwd, ["ls-tree", "-r", "--name-only", String(of("fix").branch_name)]);
  expect(files.split("\n").filter(Boolean)).toEqual(["docs/start.md", "end.txt"]);
  expect(await result("reports/BUG_REPORT.md")).toBe(`${bug}\nProposed fix: an end\n`);
  expect(summary.strategies["s1"]).toMatchObject({
    metadata: { bug_confirmed: true, bug_report_branch: report.branch_name },
  });
});

it("doc-review: a forgotten report is asked for again, and all ends in REPORT.md", async () => {
  const dir = "reports/doc-review";
  const raw = `${dir}/raw/REPORT_start__r1.md`;
  const { cwd, code, of, heard, result } = await play(
    {
      reviewer: {
        hears: /You audit one page/,
        plays: (n) =>
          n === 0 ? says("All is well.") : [commitsFile(raw, "1. found\n"), { text: "Done." }],
      },
      validator: { hears: /You check a report/, plays: writes(raw, "1. found, checked\n") },
      composer: { hears: /You write the report/, plays: writes(`${dir}/REPORT.md`, "All of it\n") },
    },
    ["--strategy", "doc-review", "-S", "pages_file=pages.yml"],
  );
  expect(code).toBe(0);
  expect(of("page/start/r1/validate/attempt-1").metadata).toMatchObject({
    base_commit: of("page/start/r1/review/attempt-2").commit,
  });
  expect(heard("composer")[0]?.request.prompt).toContain("1. found, checked");
  expect(await fileAt(cwd, of("compose/attempt-1").branch_name, `${dir}/REPORT.md`)).toBe(
    "All of it",
  );
  expect(await result(`${dir}/REPORT.md`)).toBe("All of it\n");
  expect(await result(raw)).toBe("1. found, checked\n");
});

const finding = {
  ...{ severity: "HIGH", path: "docs/start.md", start: 1, end: 1 },
  ...{ title: "Says nothing", description: "The page is empty.", suggestion: "# Begin" },
};

it("pr-review: fails on a HIGH finding, and leaves a review that can be posted", async () => {
  const { cwd, code, of, heard, toolsSaid, result, summary } = await play(
    {
      reviewer: {
        hears: /You review a pull request/,
        plays: () => [
          { bash: "git diff --stat release...HEAD" },
          { text: "HIGH: it says nothing" },
        ],
      },
      validator: {
        hears: /Somebody reviewed a pull request/,
        plays: () => says(JSON.stringify({ findings: [finding] })),
      },
      composer: {
        hears: /You choose what the author/,
        plays: () => says('{"intro": "Thank you.", "selected_ids": []}'),
      },
    },
    ["--strategy", "pr-review", "-S", "reviewers=1", "-S", "base_branch=release"],
  );
  expect(code).toBe(3);
  expect(toolsSaid(/You review a pull request/)).toMatch(/docs\/start\.md \| 1 \+/);
  expect(heard("validator")[0]?.request.prompt).toContain("HIGH: it says nothing");
  expect(summary.results.map(({ branch_name }) => branch_name)).toEqual([null, null, null]);
  const index = JSON.parse(await result("review/index.json"));
  expect(index).toMatchObject({
    ...{ verdict: "NEEDS_CHANGES", event: "REQUEST_CHANGES", intro: "Thank you." },
    counts: { HIGH: 1, MEDIUM: 0, LOW: 0 },
    selected_details: [{ path: "docs/start.md", suggestion: { kind: "gh", code: "# Begin" } }],
    commit_id: await testGit(cwd, ["rev-parse", "main"]),
    review: { comments: [{ path: "docs/start.md", line: 1 }] },
  });
  expect(of("compose/attempt-1").status).toBe("completed");
});
