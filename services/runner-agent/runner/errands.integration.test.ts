import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "@pitaya/actors";
import { loadText, storeText } from "@pitaya/bus";
import { BranchSource, DEFAULT_LIMITS, PluginDeclaration, type TaskSpec } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeAgent, type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import { eventually, pass, runnerHarness } from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-errands-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Options = Partial<Parameters<typeof runnerHarness>[0]>;

async function harness(script: FakeScript, options: Options = {}) {
  const executor = fakeExecutor({ script });
  const made = await runnerHarness({ executor, base, ...options });
  onTestFinished(() => made.close());
  await made.start();
  const put = (text: string) =>
    made.bus.blobs.put(async function* () {
      yield Buffer.from(text);
    });
  return { ...made, executor, put };
}

const noAgent: FakeScript = async () => 9;

describe("a check", () => {
  it("runs its command beside its files, with nothing of the user's, and tells how it ended", async () => {
    let seen: FakeAgent | undefined;
    const h = await harness(async (agent) => {
      seen = agent;
      agent.write("stdout", '2 of 3\n{"score": 0.66}\n');
      agent.commit();
      return 3;
    });
    const files = [{ path: "tests/held out", executable: true, blob: await h.put("#!/bin/sh\n") }];
    const agent = { plugin: "line", image: "i", cliArgs: [], credentials: ["LINE_KEY"] };
    const verify = { command: "make check", files };
    await h.order("one", { task: { verify, agent, env: { CI: "1" } } });
    const end = await h.fact("attempt.succeeded", "one");
    expect(end).toMatchObject({
      verify: { exitCode: 3, timedOut: false, output: '2 of 3\n{"score": 0.66}\n' },
      lfsObjectsMissing: 0,
    });
    for (const field of ["work", "bundle", "patch"]) expect(end).not.toHaveProperty(field);
    expect(seen?.env).toEqual({ CI: "1" });
    expect(seen?.spec.files).toEqual([
      { path: "tests/held out", bytes: Buffer.from("#!/bin/sh\n"), isExecutable: true },
    ]);
  });

  it("that never ends has run out of its time, and is not tried again for it", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const started = Promise.withResolvers<void>();
    const h = await harness(
      async (agent) => {
        started.resolve();
        await agent.terminated;
        return 143;
      },
      { clock },
    );
    const limits = { ...DEFAULT_LIMITS, timeoutMs: 30_000, stallTimeoutMs: 10_000 };
    await h.order("one", { task: { verify: { command: "sleep", files: [] }, limits } });
    await started.promise;
    await eventually(() => h.story("one")).toContain("00000001 attempt.started");
    await pass(clock, 31_000);
    const { verify } = await h.fact("attempt.succeeded", "one");
    expect(verify).toEqual({ exitCode: 124, timedOut: true, output: "" });
  });
});

describe("a file to be read", () => {
  const read = async (path: string) => {
    const h = await harness(noAgent);
    await h.order("one", { task: { read: { path } } });
    return h;
  };

  it("comes from the runner's own packs, without a container", async () => {
    const h = await read("README.md");
    const { read: found } = await h.fact("attempt.succeeded", "one");
    expect(found?.text && (await loadText(h.bus, found.text))).toBe("# base\n");
    expect(h.executor.calls.filter((call) => !call.startsWith("remove"))).toEqual([]);
  });

  it("may not be there", async () => {
    const h = await read("docs/none.md");
    expect((await h.fact("attempt.succeeded", "one")).read).toEqual({});
  });

  it("is refused where it is none", async () => {
    const h = await read(".");
    const { error } = await h.fact("attempt.failed", "one");
    expect(error).toMatchObject({
      code: "no_result",
      message: ". on main is a directory, not a text file.",
      retryable: false,
    });
  });
});

describe("what a task says of its agent", () => {
  it("reaches it: a declared program, its environment, included branches", async () => {
    const specs: FakeAgent["spec"][] = [];
    const h = await harness(async ({ spec, write }) => {
      specs.push(spec);
      write("stdout", "all done\n");
      return 0;
    });
    const declaration = PluginDeclaration.parse({ argv: ["mine", "{prompt}"] });
    const agent = { plugin: "mine", declaration, image: "i", cliArgs: [], credentials: [] };
    const feature = BranchSource.parse({ ...h.base, branch: "feature" });
    const task: Partial<TaskSpec> = { agent, env: { CI: "1" }, includes: [feature] };
    await h.order("one", { task });
    expect((await h.fact("attempt.succeeded", "one")).finalMessage).toEqual({ inline: "all done" });
    expect(specs[0]).toMatchObject({
      argv: ["mine", "do it"],
      env: { CI: "1" },
      workspace: { includes: [{ branch: "feature", commit: h.base.commit }] },
    });
  });

  it("is refused where its plugin cannot honour it, by plugin and field", async () => {
    const h = await harness(noAgent);
    const agent = { plugin: "command", image: "i", cliArgs: ["x", "{prompt}"], credentials: [] };
    const declaration = PluginDeclaration.parse({ argv: ["x"] });
    const systemPrompt = await storeText(h.bus, "be brief");
    await h.order("one", { task: { agent: { ...agent, declaration }, systemPrompt } });
    const { error } = await h.fact("attempt.failed", "one");
    expect(error).toMatchObject({ code: "task_unsupported", retryable: false });
    expect(error.message).toContain("command: systemPrompt");
  });
});

it("a conversation goes on in another task, with that task's prompt and from its branch", async () => {
  const h = await harness(async (agent) => {
    const before = Buffer.from(agent.session.get("talk/s-1") ?? "").toString();
    agent.remember("talk/s-1", `${before}${agent.spec.argv.at(-1)}\n`);
    agent.write("stdout", `session s-1\ndone ${agent.spec.argv.join(" ")}\n`);
    return 0;
  });
  await h.order("one", { task: { session: {} } });
  const first = await h.fact("attempt.succeeded", "one");
  expect(first.session?.sessionId).toBe("s-1");
  const from = first.session;
  if (from === undefined) throw new Error("nothing was kept");
  await h.order("two", { task: { session: { from }, prompt: { inline: "and more" } } });
  const second = await h.fact("attempt.succeeded", "two");
  expect(second.finalMessage).toEqual({ inline: "line --resume s-1 and more" });
  expect(second.session?.session).not.toEqual(from.session);

  const gone = { ...from, session: { ...from.session, sha256: "0".repeat(64) } };
  await h.order("three", { task: { session: { from: gone } } });
  expect((await h.fact("attempt.failed", "three")).error.code).toBe("session_lost");
  await h.order("four");
  expect(await h.fact("attempt.succeeded", "four")).not.toHaveProperty("session");
});
