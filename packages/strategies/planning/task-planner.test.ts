import { describe, expect, it } from "vitest";
import type { Task } from "../sdk.ts";
import { sampleSpec, sourceOf } from "../testing/sample-spec.ts";
import { taskPlanner } from "./task-planner.ts";

const spec = {
  ...sampleSpec({
    ...{ strategy: "test", prompt: "do it", repository: { a: "1" }, branches: { dev: {} } },
    ...{ files: { "hidden/run.sh": "exit 0" }, plugins: ["codex"] },
  }),
  commitInstruction: "Commit.",
  forceCommit: true,
};
const planner = (params = {}) => taskPlanner(spec, params);
const result = { hasChanges: true, commits: 1 };
const fingerprint = (task: Task) => planner().plan(task).fingerprint;

describe("a task", () => {
  it("is the run's settings with what it says itself over them", () => {
    const { kind, draft } = planner({ model: "opus", include_branches: ["dev", "main"] }).plan({
      ...{ prompt: "p", timeoutMs: 5, limits: { cpus: 1 }, env: { CI: "1" }, maxTurns: 3 },
      ...{ importConflictPolicy: "suffix", skipEmptyImport: false, networkEgress: "offline" },
    });
    expect(kind).toBe("agent");
    expect(draft).toMatchObject({
      ...{ base: spec.base, network: "offline", maxTurns: 3, env: { CI: "1" } },
      ...{ agent: { plugin: "claude-code", model: "opus" }, commitInstruction: "Commit." },
      ...{ importConflict: "suffix", skipEmptyImport: false, importPolicy: "auto" },
      limits: { ...spec.limits, cpus: 1, timeoutMs: 5 },
      includes: [{ branch: "dev" }],
    });
  });

  it("that only looks commits and imports nothing", () => {
    const { draft } = planner().plan({ prompt: "p", readOnly: true, importPolicy: "always" });
    expect(draft).toMatchObject({ readOnly: true, forceCommit: false, importPolicy: "never" });
    expect(draft.commitInstruction).toBeUndefined();
  });

  it("for another plugin has that one's model, not the run's", () => {
    const { draft } = planner({ model: "opus" }).plan({ prompt: "p", plugin: "codex" });
    expect(draft.agent).toMatchObject({ plugin: "codex" });
    expect(draft.agent.model).toBeUndefined();
  });

  it("that verifies gets files that came with the run, and nothing of an agent's", () => {
    const verify = { command: "sh run.sh", files: ["hidden/run.sh"] };
    const { kind, draft } = planner().plan({ verify, image: "node:24" });
    expect(kind).toBe("verify");
    expect(draft.verify?.files).toMatchObject([{ path: "hidden/run.sh" }]);
    expect(draft.agent).toMatchObject({ image: "node:24", credentials: [], cliArgs: [] });
  });

  it("stands on branches of results that are there, and on no other", () => {
    const it = planner();
    const first = it.plan({ prompt: "first" });
    expect(() => it.plan({ prompt: "p", baseBranch: "first" })).toThrow(/no branch "first"/);
    const source = sourceOf("first", { a: "2" });
    it.learn(first, { status: "succeeded", result, source });
    expect(it.plan({ prompt: "p", baseBranch: "first" }).draft.base).toEqual(source);
  });

  it("goes on with the conversation of its group, or with one by its id", () => {
    const it = planner();
    const group = { prompt: "p", sessionGroup: "g" };
    const first = it.plan(group);
    expect(first.draft.session).toEqual({});
    const [bundle] = spec.base.bundles;
    if (!bundle) throw new Error("no bundle");
    const session = { sessionId: "s-1", session: bundle.blob };
    it.learn(first, { status: "succeeded", result, session });
    expect(it.plan(group).draft.session).toEqual({ from: session });
    const other = { prompt: "p", resumeSession: "s-1" };
    expect(it.plan(other).draft.session).toEqual({ from: session });
    expect(() => it.plan({ ...other, resumeSession: "s-2" })).toThrow(/the session "s-2"/);
  });

  it.each<[string, unknown, RegExp]>([
    ["an empty prompt", { prompt: " " }, /prompt/],
    ["a field there is none of", { prompt: "p", maxturns: 3 }, /maxturns/],
    ["a plugin the run has not", { prompt: "p", plugin: "gemini" }, /plugin "gemini"/],
    ["a file that did not come", { verify: { command: "x", files: ["no"] } }, /no file "no"/],
    ["a credential as environment", { prompt: "p", env: { API_KEY: "x" } }, /API_KEY/],
    [
      "more than a message holds",
      { prompt: "p", env: Object.fromEntries([..."abcde"].map((n) => [n, "x".repeat(30_000)])) },
      /too large/,
    ],
  ])("with %s is refused by name", (_, task, message) => {
    expect(() => planner().plan(task as Task)).toThrow(message);
  });
});

describe("the fingerprint", () => {
  const task = { prompt: "p" };
  it.each<[string, Partial<Task>]>([
    ["timeout", { timeoutMs: 1 }],
    ["limits", { limits: { cpus: 1 } }],
    ["network", { networkEgress: "offline" }],
    ["placement", { requires: { pool: "gpu" } }],
  ])("does not tell tasks apart by their %s", (_, change) => {
    expect(fingerprint({ ...task, ...change })).toBe(fingerprint(task));
  });

  it.each<[string, Partial<Task>]>([
    ["prompt", { prompt: "q" }],
    ["base", { baseBranch: "dev" }],
    ["model", { model: "opus" }],
    ["image", { image: "other:1" }],
    ["system prompt", { systemPrompt: "s" }],
    ["turns", { maxTurns: 3 }],
    ["environment", { env: { CI: "1" } }],
    ["included branches", { includeBranches: ["dev"] }],
    ["output schema", { outputSchema: { type: "object" } }],
    ["session", { sessionGroup: "g" }],
    ["import policy", { importPolicy: "never" }],
  ])("tells tasks apart by their %s", (_, change) => {
    expect(fingerprint({ ...task, ...change } as Task)).not.toBe(fingerprint(task));
  });
});
