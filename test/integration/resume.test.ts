import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { quarantine } from "@pitaya/git";
import { claudeCode } from "@pitaya/plugins";
import { type BlobRef, DEFAULT_LIMITS, RunId, type TaskSpec } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packSession } from "../../services/runner-agent/adapters/session-archive.ts";
import type { Scenario } from "../support/model-server/scenario.ts";
import {
  type ChainName,
  type Order,
  type RunnerPrograms,
  removeEverythingOf,
  runnerPrograms,
  WAIT,
} from "../support/runner-programs.ts";
import { AGENTS_IMAGE } from "./plugin-faults/agent-bench.ts";

const [FIRST, SECOND] = ["a", "b"].map(
  (which) => `test-${which}${randomBytes(4).toString("hex")}`,
) as [string, string];
const RUN = RunId.parse(`run_20260101_000000_${randomBytes(4).toString("hex")}`);
const API_KEY = "sk-ant-api03-canary-of-the-resume-test";
const OFTEN = {
  limits: { ...DEFAULT_LIMITS, cpus: 1, memoryBytes: 1024 ** 3, snapshotIntervalMs: 500 },
};
/** An edit that is not committed, a commit, and a step in whose middle the agent is lost. */
const BEGINNING = [
  { bash: "echo kept > kept.txt && git add kept.txt && git commit -q -m kept", say: "A commit." },
  { bash: "echo draft > draft.txt; chmod +x draft.txt; echo more >> README.md", say: "A draft." },
  { bash: "mkfifo /tmp/never && cat /tmp/never", say: "Now the long part." },
];
const REST = [
  { bash: "test -x draft.txt && cat draft.txt README.md && git add -A && git commit -q -m rest" },
  { text: "All of it is there." },
];

let programs: RunnerPrograms;
beforeAll(async () => {
  programs = await runnerPrograms({ runners: [FIRST, SECOND], run: RUN, apiKey: API_KEY });
});
afterAll(() => programs?.close());

const urlOf: RunnerPrograms["model"]["url"] = (scenario, id) =>
  programs.model.url(scenario, id, "host.docker.internal");

const claude = (of: ChainName, scenario: Scenario, id: string): Order => ({
  ...of,
  url: urlOf(scenario, id),
});

/** How the other agents are called. */
const OTHERS: readonly (Partial<TaskSpec["agent"]> & { plugin: string; path?: string })[] = [
  {
    plugin: "codex",
    model: "gpt-5.5",
    provider: "openai",
    credentials: ["OPENAI_API_KEY"],
    path: "/v1",
  },
  { plugin: "gemini", model: "gemini-2.5-flash", credentials: ["GEMINI_API_KEY"] },
  { plugin: "opencode", model: "anthropic/claude-sonnet-4-5" },
];

async function bytesOf(blob: BlobRef): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of programs.coordinator.blobs.get(blob)) parts.push(part);
  return Buffer.concat(parts);
}

/** The second attempt, on the other runner, from what the first one left. */
async function goesOn(
  key: string,
  snapshot: NonNullable<Order["snapshot"]>,
  order: (of: ChainName, scenario: Scenario, id: string) => Omit<Order, "snapshot"> = claude,
) {
  const { model, base, objectDirs, dir } = programs;
  await programs.startProgram(SECOND);
  const of = { runner: SECOND, key, attempt: 2 };
  await programs.order({ ...order(of, REST, `${key}-2`), snapshot });
  const end = await programs.ending(of);
  expect(end).toMatchObject({
    type: "attempt.succeeded",
    uncommitted: false,
    work: { commits: 2, filesChanged: 3 },
    finalMessage: { inline: "All of it is there." },
    // Of two turns, though some CLIs tell what the whole conversation took.
    account: { sessionId: snapshot.sessionId, usage: { outputTokens: 110 } },
  });

  // The model is told of what was said and done before, and finds the files as they were.
  const [first, second] = model.requests(`${key}-2`);
  const conversation = JSON.stringify(first?.body);
  for (const said of [
    "Add a greeting.",
    "A commit.",
    "echo draft > draft.txt",
    "You were interrupted",
  ])
    expect(conversation).toContain(said);
  expect(JSON.stringify(second?.body)).toContain("draft\\n# base\\nmore");

  if (end.type !== "attempt.succeeded" || !end.bundle) throw new Error("there is no bundle");
  const bundlePath = join(dir, `${key}.bundle`);
  await writeFile(bundlePath, await bytesOf(end.bundle.blob));
  const work = await quarantine({
    bundlePath,
    dir: join(dir, `${key}.quarantine`),
    baseCommit: base.commit,
    objectDirs,
    shallow: [],
    objectFormat: "sha1",
  });
  expect(work.commit).toBe(end.work?.commit);
}

const MINUTES = 60_000;

describe("the real agent CLI goes on, on another runner, with its conversation and its files", {
  timeout: 4 * MINUTES,
}, () => {
  it("when its host is lost in the middle of an edit", async () => {
    const of = { runner: FIRST, key: "lost" };
    const host = await programs.startProgram(FIRST);
    await programs.order({ ...of, url: urlOf(BEGINNING, "lost-1"), task: OFTEN });
    await programs.model.requested("lost-1", 3);
    // One that has seen the third step begin: nothing changes after it.
    const isLate = async () => {
      const { snapshot } =
        (await programs.facts(of))
          .map(({ fact }) => fact)
          .findLast((fact) => fact.type === "attempt.snapshot") ?? {};
      const session = snapshot && (await bytesOf(snapshot.session)).includes("cat /tmp/never");
      return session ? snapshot : undefined;
    };
    await expect.poll(isLate, { timeout: 90_000, interval: 200 }).toBeDefined();
    const snapshot = await isLate();
    host.kill("SIGKILL");
    await once(host, "exit");
    await removeEverythingOf(FIRST);
    if (snapshot === undefined) throw new Error("there is no snapshot");
    expect((await bytesOf(snapshot.session)).includes(API_KEY)).toBe(false);
    await goesOn("lost", snapshot);
  });

  it("when it was interrupted", async () => {
    const of = { runner: FIRST, key: "stopped" };
    await programs.startProgram(FIRST);
    await programs.order({ ...of, url: urlOf(BEGINNING, "stopped-1") });
    await programs.model.requested("stopped-1", 3);
    await programs.interrupt(of);
    const end = await programs.ending(of);
    expect(end).toMatchObject({ type: "attempt.failed", error: { code: "interrupted" } });
    if (end.type !== "attempt.failed" || !end.snapshot) throw new Error("there is no snapshot");
    expect((await programs.facts(of)).map(({ fact }) => fact.type)).not.toContain(
      "attempt.snapshot",
    );
    await goesOn("stopped", end.snapshot);
  });

  it.each(OTHERS)(
    "when it is $plugin's, and was interrupted",
    { timeout: 240_000 },
    async ({ path = "", ...agent }) => {
      const { plugin } = agent;
      const order = (of: ChainName, scenario: Scenario, id: string): Order => {
        const baseUrl = `${urlOf(scenario, id)}${path}`;
        const image = AGENTS_IMAGE;
        const called = {
          image,
          cliArgs: [],
          credentials: ["ANTHROPIC_API_KEY"],
          baseUrl,
          ...agent,
        };
        return { ...of, url: baseUrl, task: { agent: called } };
      };
      const of = { runner: FIRST, key: plugin };
      await programs.startProgram(FIRST);
      await programs.order(order(of, BEGINNING, `${plugin}-1`));
      // Not the third request: one of them asks beside its work what to call the conversation.
      const steps = () => programs.model.requests(`${plugin}-1`).map(({ step }) => step);
      await expect.poll(steps, WAIT).toContain(2);
      await programs.interrupt(of);
      const end = await programs.ending(of);
      expect(end).toMatchObject({ type: "attempt.failed", error: { code: "interrupted" } });
      if (end.type !== "attempt.failed" || !end.snapshot) throw new Error("there is no snapshot");
      await goesOn(plugin, end.snapshot, order);
    },
  );

  it("or says that its session is lost, where it cannot open it", async () => {
    const of = { runner: SECOND, key: "gone", attempt: 2 };
    const sessionId = "11111111-2222-4333-8444-555555555555";
    const [path = ""] = claudeCode.sessionFiles(sessionId);
    const archive = await packSession([{ path, bytes: Buffer.from("{}\n") }]);
    const session = await programs.coordinator.blobs.put(async function* () {
      yield archive;
    });
    await programs.startProgram(SECOND);
    const snapshot = { sessionId, session, commit: programs.base.commit };
    await programs.order({ ...of, url: urlOf(REST, "gone"), snapshot });
    expect(await programs.ending(of)).toMatchObject({
      error: { code: "session_lost", retryable: true },
      exitCode: 1,
    });
    expect(programs.model.requests("gone")).toEqual([]);
  });
});
