import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testGit } from "@pitaya/git/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cast, commitsFile, type Part, says } from "../support/model-server/cast.ts";
import { branchesOf, RUN_ID, resultOf } from "../support/pitaya.ts";
import { embeddedStack, KEY, type Stack } from "../support/stack.ts";

/*
 * The built-in strategies with the real Codex CLI, whose models end, answer and are paid in other ways
 * than those of Claude Code. What each strategy does in all its cases is tested elsewhere.
 */

let stack: Stack;
beforeAll(async () => {
  stack = await embeddedStack();
});
afterAll(() => stack.leave());

interface Result {
  readonly key: string;
  readonly status: string;
  readonly branch_name: string | null;
  readonly session_id: string | null;
  readonly cost: number | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}
interface Summary {
  readonly total_cost: number;
  readonly total_tokens: number;
  readonly cost_unknown: number;
  readonly results: readonly Result[];
  readonly strategies: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

async function play(parts: Readonly<Record<string, Part>>, args: readonly string[]) {
  const cwd = await stack.repository();
  await mkdir(join(cwd, "docs"));
  await writeFile(join(cwd, "docs/start.md"), "# Start\n");
  await testGit(cwd, ["add", "docs"]);
  await testGit(cwd, ["commit", "--quiet", "--message=docs"]);
  await writeFile(join(cwd, "pages.yml"), "pages:\n  - {title: Start, path: docs/start.md}\n");
  const { scenario, heard } = cast(parts);
  const { url } = stack.modelFor(scenario);
  const env = {
    ...KEY,
    ANTHROPIC_BASE_URL: url,
    OPENAI_API_KEY: "sk-e2e-not-a-real-key",
    OPENAI_BASE_URL: `${url}/v1`,
  };
  const told = ["write the answer", "--plugin", "codex", ...args, "--no-tui"];
  const { code, stdout, stderr } = await stack.user.run(told, { cwd, env });
  const run = RUN_ID.exec(stderr + stdout)?.[0] ?? "no run";
  const text = await resultOf(cwd, run, "summary.json").catch(() => {
    throw new Error(`exit ${code} without a summary:\n${stderr}${stdout}`);
  });
  const summary = JSON.parse(text) as Summary;
  return { cwd, code, stderr, summary, heard, branches: await branchesOf(cwd) };
}

const scores = (score: number) =>
  JSON.stringify({ correctness: score, completeness: score, quality: score });
const writes =
  (path: string, text: string): Part["plays"] =>
  () => [commitsFile(path, text), { text: `Wrote ${path}.` }];
const anything: Part = { hears: /./, plays: writes("answer.txt", "right\n") };

const BUG = [
  ...["Title: no end", "Severity: low", "Root cause: no end.txt", "Reproduction: ls"],
  ...["Files: docs/start.md", "Proposed fix: an end"],
].join("\n");
const raw = "reports/doc-review/raw/REPORT_start__r1.md";
const FLOWS: readonly (readonly [string, readonly string[], Readonly<Record<string, Part>>])[] = [
  ["simple", [], {}],
  ["scoring", [], { scorer: { hears: /You judge a change/, plays: () => says(scores(8)) } }],
  [
    "iterative",
    ["-S", "iterations=2"],
    {
      reviewer: { hears: /You review a change/, plays: () => says("1. Say why.") },
      refiner: { hears: /You improve a change/, plays: writes("why.txt", "because\n") },
    },
  ],
  [
    "bug-finding",
    [],
    {
      discoverer: { hears: /You hunt for bugs/, plays: () => says(BUG) },
      validator: { hears: /Somebody reports a bug/, plays: writes("BUG_REPORT.md", `${BUG}\n`) },
      fixer: { hears: /is confirmed/, plays: writes("end.txt", "end\n") },
    },
  ],
  [
    "doc-review",
    ["-S", "pages_file=pages.yml"],
    {
      reviewer: { hears: /You audit one page/, plays: writes(raw, "1. found\n") },
      validator: { hears: /You check a report/, plays: writes(raw, "1. found, checked\n") },
      composer: {
        hears: /You write the report/,
        plays: writes("reports/doc-review/REPORT.md", "All of it\n"),
      },
    },
  ],
  [
    "pr-review",
    ["-S", "reviewers=1"],
    {
      reviewer: { hears: /You review a pull request/, plays: () => says("It is fine.") },
      validator: {
        hears: /Somebody reviewed a pull request/,
        plays: () => says('{"findings": []}'),
      },
      composer: {
        hears: /You choose what the author/,
        plays: () => says('{"intro": "Thank you.", "selected_ids": []}'),
      },
    },
  ],
];

describe.concurrent("with codex", () => {
  it.each(FLOWS)("%s does its work at a known cost", async (strategy, args, parts) => {
    const { code, stderr, summary } = await play({ ...parts, anything }, [
      ...["--strategy", strategy, ...args],
    ]);
    expect(code, stderr).toBe(0);
    expect(summary).toMatchObject({ cost_unknown: 0 });
    expect(summary.total_cost).toBeGreaterThan(0);
    expect(summary.total_tokens).toBeGreaterThan(0);
    for (const result of summary.results.filter(({ metadata }) => metadata["kind"] !== "read")) {
      expect(result).toMatchObject({
        status: "completed",
        session_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(result.cost).toBeGreaterThan(0);
    }
  });

  it("best-of-n: a candidate of each of two CLIs, each with its own provider's key", async () => {
    const { code, stderr, summary, branches, heard } = await play(
      {
        scorer: {
          hears: /You judge a change/,
          plays: (_, { model }) => [
            { bash: "cat answer.txt" },
            { text: scores(model.includes("gpt") ? 7 : 5) },
          ],
        },
        anything,
      },
      [
        ...["--strategy", "best-of-n", "-S", "n=2", "-S", "plugins=claude-code,codex"],
        ...["-S", 'models=["sonnet","gpt-5.5"]'],
      ],
    );
    expect(code, stderr).toBe(0);
    expect(summary).toMatchObject({ cost_unknown: 0 });
    expect(summary.strategies["s1"]).toMatchObject({
      metadata: {
        candidates: [
          { plugin: "claude-code", model: "sonnet" },
          { plugin: "codex", model: "gpt-5.5" },
        ],
      },
    });
    expect(branches).toHaveLength(3);
    const models = heard("anything").map(({ request: { model } }) => model);
    expect(models.sort()).toEqual(["claude-sonnet-5-5", "gpt-5.5"]);
  });
});
