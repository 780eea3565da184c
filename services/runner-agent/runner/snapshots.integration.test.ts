import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, decode, sealer } from "@pitaya/bus";
import {
  type BlobRef,
  buckets,
  DEFAULT_LIMITS,
  RunnerAbout,
  type SessionSnapshot,
  subjects,
} from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { unpackSession } from "../adapters/session-archive.ts";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import {
  type FakeAgent,
  type FakeScript,
  fakeExecutor,
  UNFITTING_PATCH,
} from "../testing/fake-executor.ts";
import {
  eventually,
  RUN,
  RUNNER,
  type RunnerHarness,
  runnerHarness,
} from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = "canary-4711-0815";
const FILE = "talk/s-1";
const OFTEN = { limits: { ...DEFAULT_LIMITS, snapshotIntervalMs: 20 } };

let dir: string;
let base: BaseRepository;
let bundle: Uint8Array;
let patch: Uint8Array;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-snapshots-"));
  base = await baseRepository(dir);
  bundle = await base.bundleOf({ "a.txt": "a\n" });
  patch = await base.patchOf({ "new.txt": "new\n" });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function harness(script: FakeScript) {
  const executor = fakeExecutor({ script });
  const made = await runnerHarness({ executor, base });
  onTestFinished(() => made.close());
  const deeds = (verb: string) => executor.calls.filter((call) => call.startsWith(`${verb} `));
  return { ...made, executor, deeds };
}

/** As the coordinator does: seals what it holds to the key the runner has announced. */
function holdSecrets(h: RunnerHarness) {
  const own = sealer();
  const subject = subjects.api.of({ verb: "runner-secret" });
  const stop = answer(h.bus, "runner-secret", [subject], { epoch: () => 1 }, async () => {
    const entry = await h.bus.bucket(buckets.runners).get(`${RUNNER}.about`);
    const { curveKey } = decode(RunnerAbout, entry?.value ?? new Uint8Array(), "about");
    return { secrets: own.seal(curveKey, { v: 1, run: RUN, values: { LINE_KEY: SECRET } }) };
  });
  onTestFinished(stop);
}
const withKey = {
  agent: { plugin: "line", image: "i", cliArgs: [], credentials: ["LINE_KEY"] },
};

async function textOf(h: RunnerHarness, blob: BlobRef | undefined): Promise<string> {
  if (blob === undefined) throw new Error("there is no blob");
  const parts: Uint8Array[] = [];
  for await (const part of h.bus.blobs.get(blob)) parts.push(part);
  return Buffer.concat(parts).toString();
}
async function talkOf(h: RunnerHarness, { session }: SessionSnapshot): Promise<string> {
  const [file] = await unpackSession(h.bus.blobs.get(session), [FILE]);
  return Buffer.from(file?.bytes ?? []).toString();
}

function work(agent: FakeAgent) {
  agent.commit(bundle);
  agent.leave(patch);
  agent.remember(FILE, '{"n":1}\n');
  agent.write("stdout", "session s-1\nsay working\n");
}

describe("snapshots of an agent at work", () => {
  it("are told of when something has changed: conversation, commits, and what is uncommitted", async () => {
    const change = Promise.withResolvers<void>();
    const h = await harness(async (agent) => {
      work(agent);
      await change.promise;
      agent.remember(FILE, '{"n":2}\n');
      await agent.terminated;
      return 143;
    });
    await h.start();
    await h.order("one", { task: OFTEN });
    const { snapshot } = await h.fact("attempt.snapshot", "one");
    expect(await talkOf(h, snapshot)).toBe('{"n":1}\n');
    expect(snapshot).toMatchObject({ sessionId: "s-1", bundle: { tip: snapshot.commit } });
    expect(snapshot.bundle?.blob.parents).toEqual(h.base.bundles.map(({ blob }) => blob.sha256));
    expect(await textOf(h, snapshot.patch)).toBe(Buffer.from(patch).toString());

    const told = async () =>
      (await h.chain("one")).flatMap(({ fact }) =>
        fact?.type === "attempt.snapshot" ? [fact.snapshot] : [],
      );
    await eventually(() => h.deeds("snapshot").length).toBeGreaterThan(4);
    expect(await told()).toHaveLength(1);
    change.resolve();
    await eventually(told).toHaveLength(2);
    const last = (await told())[1];
    expect(last && (await talkOf(h, last))).toBe('{"n":2}\n');
    expect(last?.patch).toEqual(snapshot.patch);
  });

  it("are none within the interval, nor of one whose session is not known", async () => {
    const h = await harness(async (agent) => {
      agent.remember(FILE, "{}\n");
      agent.write("stdout", agent.spec.name.attempt === 1 ? "session s-1\n" : "say hello\n");
      agent.write("stdout", "done\n");
      if (agent.spec.name.attempt === 2) await eventually(() => h.deeds("start").length).toBe(3);
      return 0;
    });
    await h.start();
    await h.order("one");
    await h.fact("attempt.succeeded", "one");
    await h.order("two", { task: OFTEN, attempt: 2 });
    await h.order("three", { task: OFTEN });
    await h.fact("attempt.succeeded", "two", 2);
    expect(h.deeds("snapshot").filter((call) => call.endsWith("/2"))).toEqual([]);
    expect(await h.story("one")).not.toContain("00000001 attempt.snapshot");
  });

  it("that cannot be taken or hold a credential are not kept, and the agent goes on", async () => {
    const bad = await base.patchOf({ "key.txt": `${SECRET}\n` });
    const ways = {
      trouble: (agent: FakeAgent) => agent.commit("no bundle at all"),
      secret: (agent: FakeAgent) => agent.leave(bad),
      unfit: (agent: FakeAgent) => agent.leave(UNFITTING_PATCH),
    };
    for (const [key, way] of Object.entries(ways)) {
      let told: string[] = [];
      const h = await harness(async (agent) => {
        work(agent);
        way(agent);
        await eventually(() => h.deeds("snapshot").length).toBeGreaterThan(2);
        told = await h.story(key);
        agent.commit(bundle);
        agent.leave(patch);
        agent.write("stdout", "done\n");
        return 0;
      });
      holdSecrets(h);
      await h.start();
      await h.order(key, { task: { ...OFTEN, ...withKey } });
      expect(await h.fact("attempt.succeeded", key)).toMatchObject({ work: { commits: 1 } });
      expect(told).toContain("00000001 attempt.started");
      expect(told).not.toContain("00000001 attempt.snapshot");
      const stored = [...h.broker.payloads()].some((bytes) => Buffer.from(bytes).includes(SECRET));
      expect(stored).toBe(false);
    }
  });

  it("hold no credential in their conversation", async () => {
    const h = await harness(async (agent) => {
      work(agent);
      agent.remember(FILE, `${JSON.stringify({ said: agent.env["LINE_KEY"] })}\n`);
      await agent.terminated;
      return 143;
    });
    holdSecrets(h);
    await h.start();
    await h.order("one", { task: { ...OFTEN, ...withKey } });
    const { snapshot } = await h.fact("attempt.snapshot", "one");
    expect(await talkOf(h, snapshot)).toBe('{"said":"[REDACTED]"}\n');
  });
});

describe("an attempt that ends", () => {
  const ended = async (script: FakeScript, stop?: "cancel" | "interrupt") => {
    const h = await harness(script);
    await h.start();
    await h.order("one");
    if (stop !== undefined) {
      await h.fact("attempt.started", "one");
      await eventually(async () => (await h.output("one")).length).toBeGreaterThan(0);
      await h.cancel("one", stop);
    }
    return { h, end: await h.fact("attempt.failed", "one") };
  };
  const patient: FakeScript = async (agent) => {
    work(agent);
    await agent.terminated;
    return 143;
  };

  it("because it was interrupted ends with a snapshot of what it had made", async () => {
    const { h, end } = await ended(patient, "interrupt");
    const { snapshot, bundle: made, patch: left } = end;
    expect(snapshot).toMatchObject({ sessionId: "s-1", bundle: made, patch: left });
    expect(snapshot && (await talkOf(h, snapshot))).toBe('{"n":1}\n');
  });

  it.each([
    ["refused", "refused 429\n", 1],
    ["without a result", "", 0],
  ])("%s keeps its conversation too", async (_how, output, exitCode) => {
    const { end } = await ended(async (agent) => {
      work(agent);
      agent.write("stdout", output);
      return exitCode;
    });
    expect(end.snapshot).toMatchObject({ sessionId: "s-1", bundle: end.bundle, patch: end.patch });
  });

  it("whose files cannot be kept whole, keeps no conversation without them", async () => {
    const { end } = await ended(async (agent) => {
      work(agent);
      agent.leave("no patch");
      return 1;
    });
    expect(end.work).toBeDefined();
    expect(end).not.toHaveProperty("snapshot");
  });
});

describe("an attempt that goes on from a snapshot", () => {
  async function interrupted(second: FakeScript) {
    const h = await harness(async (agent) => {
      if (agent.spec.name.attempt > 1) return second(agent);
      work(agent);
      await agent.terminated;
      return 143;
    });
    await h.start();
    await h.order("one", { task: OFTEN });
    const { snapshot } = await h.fact("attempt.snapshot", "one");
    await h.cancel("one", "interrupt");
    await h.fact("attempt.failed", "one");
    return { h, snapshot };
  }

  it("has the session, the commits and the files, and its own bundle begins at the base", async () => {
    let seen: FakeAgent | undefined;
    const { h, snapshot } = await interrupted(async (agent) => {
      seen = agent;
      agent.write("stdout", "done\n");
      return 0;
    });
    await h.order("one", { attempt: 2, snapshot });
    await h.fact("attempt.succeeded", "one", 2);
    expect(seen?.spec).toMatchObject({
      argv: ["line", "--resume", "s-1", expect.stringContaining("interrupted")],
      base: h.base.commit,
      workspace: {
        commit: snapshot.commit,
        packs: [snapshot.bundle?.blob.sha256, ...h.base.bundles.map(({ blob }) => blob.sha256)],
      },
    });
    expect(Buffer.from(seen?.session.get(FILE) ?? []).toString()).toBe('{"n":1}\n');
    expect(Buffer.from(seen?.left ?? [])).toEqual(Buffer.from(patch));
  });

  it.each([
    ["whose session is gone", { session: "missing" }],
    ["whose patch is gone", { patch: "missing" }],
    ["whose bundle is gone", { bundle: "missing" }],
    ["whose session is no session", { session: "other" }],
    ["whose patch does not fit", { patch: "other" }],
    ["whose commit is not in its bundle", { commit: "c".repeat(40) }],
  ] as const)("%s fails with session_lost before its agent runs", async (_what, broken) => {
    const { h, snapshot } = await interrupted(async () => 0);
    const other = await h.bus.blobs.put(async function* () {
      yield Buffer.from(UNFITTING_PATCH);
    });
    const missing = { ...other, sha256: "0".repeat(64) };
    const blob = (which: string | undefined, whole: BlobRef | undefined) =>
      which === "missing" ? missing : which === "other" ? other : whole;
    const { session, patch: left, bundle: made } = snapshot;
    const wrong = {
      ...snapshot,
      ...("commit" in broken && { commit: broken.commit as SessionSnapshot["commit"] }),
      session: blob("session" in broken ? broken.session : undefined, session) ?? session,
      patch: blob("patch" in broken ? broken.patch : undefined, left),
      bundle: made && {
        ...made,
        blob: blob("bundle" in broken ? broken.bundle : undefined, made.blob) ?? made.blob,
      },
    };
    await h.order("one", { attempt: 2, snapshot: wrong });
    expect(await h.fact("attempt.failed", "one", 2)).toMatchObject({
      error: { code: "session_lost", retryable: true },
    });
    expect(h.deeds("start")).toHaveLength(1);
  });
});
