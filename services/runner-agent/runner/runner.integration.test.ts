import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { manualClock } from "@pitaya/actors";
import { answer, decode, sealer } from "@pitaya/bus";
import { buckets, instanceId, PitayaError, RunnerAbout, subjects } from "@pitaya/protocol";
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import {
  eventually,
  pass,
  patientAgent,
  RUN,
  RUNNER,
  type RunnerHarness,
  runnerHarness,
} from "../testing/runner-harness.ts";

// The machine may be busy; nothing here is timed by it.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-runner-base-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Over = Partial<Parameters<typeof runnerHarness>[0]>;

async function harness(script: FakeScript, over: Over = {}) {
  const executor = fakeExecutor({ script });
  const made = await runnerHarness({ executor, base, ...over });
  onTestFinished(() => made.close());
  return { ...made, executor };
}

describe("an attempt", () => {
  it("whose work finds the bus away keeps it until the bus is back", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const bundle = await base.bundleOf({ "a.txt": "a\n" });
    const h = await harness(
      async (agent) => {
        agent.commit(bundle);
        agent.write("stdout", "done\n");
        return 0;
      },
      { clock },
    );
    const own = h.broker.connect(RUNNER);
    let tries = 0;
    const put: typeof own.blobs.put = (...args) => {
      tries += 1;
      if (tries === 1) return Promise.reject(new PitayaError("bus_unavailable", "away"));
      if (tries === 2) return Promise.reject(new PitayaError("store_full", "no room"));
      return own.blobs.put(...args);
    };
    await h.start({}, { ...own, blobs: { ...own.blobs, put } });
    await h.order("one");
    for (const failures of [1, 2]) {
      await eventually(() => tries).toBe(failures);
      await pass(clock, 5_000);
    }
    expect(await h.fact("attempt.succeeded", "one")).toMatchObject({ work: { commits: 1 } });
  });

  it("goes from its start to a bundle in the store, each step a fact of one chain", async () => {
    const bundle = await base.bundleOf({ "a.txt": "a\n", "b.txt": "b\n" });
    const h = await harness(async (agent) => {
      agent.write("stdout", "say hello\n");
      agent.commit(bundle);
      agent.write("stdout", "done all of it\n");
      return 0;
    });
    await h.start();
    await h.order("one");
    const end = await h.fact("attempt.succeeded", "one");
    expect(end).toMatchObject({
      uncommitted: false,
      forcedCommit: false,
      finalMessage: { inline: "all of it" },
      work: { commits: 2, filesChanged: 2, insertions: 2, deletions: 0 },
      account: { costUsd: 0.25, turns: 2, sessionId: "session-1" },
      lfsObjectsMissing: 0,
    });
    expect(end.bundle?.blob.parents).toEqual(h.base.bundles.map(({ blob }) => blob.sha256));
    expect(end.bundle && (await h.bus.blobs.has(end.bundle.blob))).toBe(true);
    expect((await h.chain("one")).map(({ n }) => n)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(await h.story("one")).toEqual(
      [
        "attempt.claimed",
        "fetching",
        "preparing",
        "running",
        "attempt.started",
        "harvesting",
        "uploading",
        "attempt.succeeded",
      ].map((what) => `00000001 ${what}`),
    );
  });

  it("is uncommitted when there are changes and no commit, and the patch is kept", async () => {
    const patch = await base.patchOf({ "new.txt": "new\n" });
    const h = await harness(async (agent) => {
      agent.leave(patch);
      agent.write("stdout", "done\n");
      return 0;
    });
    await h.start();
    await h.order("one");
    const end = await h.fact("attempt.succeeded", "one");
    expect(end).toMatchObject({ uncommitted: true });
    const parts: Uint8Array[] = [];
    if (end.patch) for await (const part of h.bus.blobs.get(end.patch)) parts.push(part);
    expect(Buffer.concat(parts).equals(patch)).toBe(true);
  });

  it.each([
    ["exits 1", "say no\n", 1, { code: "agent_failed" }],
    ["exits 0 without a result", "say no\n", 0, { code: "no_result" }],
    ["says why it failed", "refused 429\n", 1, { code: "rate_limited", retryable: true }],
  ])("fails with evidence when its agent %s", async (_, output, exitCode, error) => {
    const bundle = await base.bundleOf({ "half.txt": "half\n" });
    const h = await harness(async (agent) => {
      agent.commit(bundle);
      agent.write("stdout", output);
      agent.write("stderr", "oh dear\n");
      return exitCode;
    });
    await h.start();
    await h.order("one");
    const end = await h.fact("attempt.failed", "one");
    expect(end).toMatchObject({ error, exitCode, work: { commits: 1 } });
    expect(end.bundle).toBeDefined();
    expect(end.lastOutput).toContain("oh dear");
  });

  it("is refused with the reason where this runner cannot do it", async () => {
    const executor = fakeExecutor({ script: async () => 0, images: { other: ["line"] } });
    const h = await harness(async () => 0, { executor });
    await h.start();
    const agent = { plugin: "line", image: "line-image", cliArgs: [], credentials: [] };
    await h.order("no image");
    await h.order("no plugin", { task: { agent: { ...agent, plugin: "unheard-of" } } });
    await h.order("no model", { task: { agent: { ...agent, image: "other", model: "none" } } });
    expect(await h.fact("attempt.failed", "no image")).toMatchObject({
      error: { code: "image_missing" },
    });
    expect(await h.fact("attempt.failed", "no plugin")).toMatchObject({
      error: { code: "task_unsupported" },
    });
    expect(await h.fact("attempt.failed", "no model")).toMatchObject({
      error: { code: "task_unsupported", message: expect.stringContaining("none") },
    });
  });

  it("keeps no commits that do not stand on its base, but what it left uncommitted", async () => {
    const patch = await base.patchOf({ "new.txt": "new\n" });
    const h = await harness(async (agent) => {
      agent.commit("not a bundle at all");
      agent.leave(patch);
      agent.write("stdout", "done\n");
      return 0;
    });
    await h.start();
    await h.order("one");
    const end = await h.fact("attempt.failed", "one");
    expect(end).toMatchObject({ error: { code: "bundle_rejected", retryable: false } });
    expect(end.bundle).toBeUndefined();
    expect(end.patch && (await h.bus.blobs.has(end.patch))).toBe(true);
  });

  it("leaves nothing behind, though the engine fails to remove it at first", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const executor = fakeExecutor({
      script: async (agent) => {
        agent.write("stdout", "done\n");
        return 0;
      },
    });
    let failures = 0;
    const remove = async (name: Parameters<typeof executor.remove>[0]) => {
      failures += 1;
      if (failures === 1) throw new PitayaError("engine_unavailable", "not now");
      await executor.remove(name);
    };
    const h = await harness(async () => 0, { executor: { ...executor, remove }, clock });
    await h.start();
    await h.order("one");
    await h.fact("attempt.succeeded", "one");
    await eventually(() => failures).toBe(1);
    await pass(clock, 2_000);
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect(await executor.list()).toEqual([]);
  });

  it("leaves nothing behind", async () => {
    const h = await harness(async (agent) => {
      agent.write("stdout", "done\n");
      return 0;
    });
    await h.start();
    await h.order("one");
    await h.fact("attempt.succeeded", "one");
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect(await h.executor.list()).toEqual([]);
  });
});

describe("a stop", () => {
  it("ends the agent and keeps what it made", async () => {
    const bundle = await base.bundleOf({ "half.txt": "half\n" });
    const h = await harness(async (agent) => {
      agent.commit(bundle);
      agent.write("stdout", "say working\n");
      await agent.terminated;
      return new Promise(() => {});
    });
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.cancel("one", "interrupt");
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "interrupted" },
      work: { commits: 1 },
      lastOutput: "say working\n",
    });
  });

  it("that overtook its start ends the attempt all the same", async () => {
    const h = await harness(() => new Promise(() => {}));
    await h.cancel("one");
    await h.start();
    await eventually(() => h.isQueued('"verb":"cancel"')).toBe(false);
    await h.order("one");
    expect(await h.fact("attempt.failed", "one")).toMatchObject({ error: { code: "cancelled" } });
  });

  it("is acknowledged when it cannot be forgotten any more", async () => {
    const h = await harness((agent) => {
      agent.ignoreTerm();
      return new Promise(() => {});
    });
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.cancel("one");
    await eventually(() => h.isQueued('"verb":"cancel"')).toBe(false);
    const name = `${RUN}.${instanceId(RUN, "s1", "one")}.1`;
    const record = await readFile(join(h.stateDir, "attempts", name, "record.json"), "utf8");
    expect(JSON.parse(record)).toMatchObject({ stop: { reason: "cancelled" } });
  });

  it("of an epoch that is over is not heard", async () => {
    const agent = patientAgent();
    const h = await harness(agent.script);
    await h.start();
    await h.order("one", { epoch: 5 });
    await h.fact("attempt.started", "one");
    await h.cancel("one", "cancel", { epoch: 4 });
    await h.cancel("other", "cancel", { epoch: 5 });
    agent.go();
    expect(await h.fact("attempt.succeeded", "one")).toBeDefined();
  });
});

describe("a start", () => {
  it("of an epoch that is over is dropped, also after a restart", async () => {
    const h = await harness(patientAgent().script);
    const first = await h.start();
    await h.order("one", { epoch: 7 });
    await h.fact("attempt.started", "one");
    await h.order("two", { epoch: 6 });
    await first.stop("leave");
    await h.start();
    await h.order("three", { epoch: 6 });
    await h.order("four", { epoch: 7 });
    await h.fact("attempt.started", "four");
    expect(await h.chain("two")).toEqual([]);
    expect(await h.chain("three")).toEqual([]);
  });

  it("that cannot be read is answered where it says for whom, and does not hold up the next", async () => {
    const h = await harness(patientAgent().script);
    await h.start();
    await h.orderRaw(Buffer.from("no json"));
    await h.orderRaw(Buffer.from(JSON.stringify({ v: 1 })));
    await h.orderRaw(Buffer.from(JSON.stringify({ ...h.orderOf("bad", {}), task: { prompt: 7 } })));
    await h.orderRaw(
      Buffer.from(JSON.stringify({ ...h.orderOf("astray", {}), runner: "r2", task: h.taskOf() })),
    );
    await h.order("good");
    await h.fact("attempt.started", "good");
    expect(await h.fact("attempt.failed", "bad")).toMatchObject({
      error: { code: "malformed_message", retryable: false },
    });
    expect(await h.chain("astray")).toEqual([]);
  });

  it("of a sealed attempt is dropped, and its slot is free", async () => {
    const h = await harness(patientAgent().script);
    await h.start({ slots: 1 });
    await h.seal("one", "unclaimed");
    await h.order("one");
    await h.order("two");
    await h.fact("attempt.started", "two");
    expect(await h.story("one")).toEqual(["coordinator unclaimed"]);
  });

  it("waits in the queue until there is a slot", async () => {
    const agents = new Map(["one", "two", "three"].map((key) => [key, patientAgent()]));
    const keys = new Map<string, string>(
      [...agents.keys()].map((key) => [instanceId(RUN, "s1", key), key]),
    );
    const h = await harness((fake) => {
      const key = keys.get(fake.spec.name.instanceId) ?? "";
      return agents.get(key)?.script(fake) ?? Promise.resolve(1);
    });
    await h.start({ slots: 2 });
    for (const key of agents.keys()) await h.order(key);
    await Promise.all([h.fact("attempt.started", "one"), h.fact("attempt.started", "two")]);
    expect(await h.chain("three")).toEqual([]);
    agents.get("one")?.go();
    await h.fact("attempt.started", "three");
    expect(await h.fact("attempt.succeeded", "one")).toBeDefined();
  });

  it("that comes a second time is no second attempt", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(patientAgent().script, { clock });
    const own = h.broker.connect(RUNNER);
    const lossy = {
      ...own,
      commands: {
        ...own.commands,
        next: async (...args: Parameters<typeof own.commands.next>) => {
          const delivery = await own.commands.next(...args);
          const lost = () => Promise.reject(new PitayaError("bus_unavailable", "lost"));
          return delivery && { ...delivery, ack: delivery.deliveries === 1 ? lost : delivery.ack };
        },
      },
    };
    await h.start({}, lossy);
    await h.order("one");
    await h.fact("attempt.started", "one");
    await pass(clock, 31_000);
    await h.order("two");
    await h.fact("attempt.started", "two");
    expect(
      (await h.chain("one")).filter(({ fact }) => fact?.type === "attempt.claimed"),
    ).toHaveLength(1);
  });

  it("that was claimed and could not be written down is taken up when it comes again", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(patientAgent().script, { clock });
    await h.start();
    const attempts = join(h.stateDir, "attempts");
    await rm(attempts, { recursive: true, force: true });
    await writeFile(attempts, "in the way");
    await h.order("one");
    await h.fact("attempt.claimed", "one");
    await pass(clock, 2_000);
    await rm(attempts);
    await pass(clock, 31_000);
    await h.fact("attempt.started", "one");
    expect((await h.story("one")).slice(0, 2)).toEqual([
      "00000001 attempt.claimed",
      "00000001 fetching",
    ]);
  });
});

describe("a seal", () => {
  it("ends the agent at once, and nothing is told after it", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(patientAgent().script, { clock });
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.seal("one");
    await pass(clock, 5_000);
    await eventually(() => h.executor.list()).toEqual([]);
    await eventually(() => readdir(join(h.stateDir, "attempts"))).toEqual([]);
    expect((await h.story("one")).at(-1)).toBe("coordinator lost");
  });

  it("is met by the next fact, without looking for it", async () => {
    const agent = patientAgent();
    const h = await harness(agent.script);
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await h.seal("one");
    agent.go();
    await eventually(() => h.executor.list()).toEqual([]);
    expect((await h.story("one")).at(-1)).toBe("coordinator lost");
  });
});

describe("limits", () => {
  const limited = (over: object) => ({
    limits: {
      cpus: 1,
      memoryBytes: 1e9,
      pids: 10,
      diskBytes: 1_000_000,
      startTimeoutMs: 300_000,
      stallTimeoutMs: 60_000,
      timeoutMs: 600_000,
      ...over,
    },
  });

  it("end a silent agent, but not one that speaks", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    let speak = () => {};
    const h = await harness(
      (agent) => {
        speak = () => agent.write("stdout", "say still here\n");
        return new Promise(() => {});
      },
      { clock },
    );
    await h.start();
    await h.order("one", { task: limited({}) });
    await h.fact("attempt.started", "one");
    await pass(clock, 59_000);
    speak();
    await eventually(async () => (await h.output("one")).length).toBeGreaterThan(0);
    await pass(clock, 59_500);
    expect(await h.executor.list()).toMatchObject([{ state: "running" }]);
    await pass(clock, 500);
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "stalled" },
      account: { agentMs: 119_000 },
    });
  });

  it("end an agent that runs too long, also one that ignores TERM", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(
      (agent) => {
        agent.ignoreTerm();
        return new Promise(() => {});
      },
      { clock },
    );
    await h.start();
    await h.order("one", { task: limited({ timeoutMs: 50_000 }) });
    await h.fact("attempt.started", "one");
    await pass(clock, 50_000);
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "timeout" },
      account: { agentMs: 50_000 },
    });
  });

  it("end an agent that said its last word and stays, and its word counts", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(
      (agent) => {
        agent.write("stdout", "done and hanging\n");
        return new Promise(() => {});
      },
      { clock },
    );
    await h.start();
    await h.order("one", { task: limited({}) });
    await h.fact("attempt.started", "one");
    await eventually(async () => (await h.output("one")).length).toBe(2);
    await pass(clock, 10_000);
    expect(await h.fact("attempt.succeeded", "one")).toMatchObject({
      finalMessage: { inline: "and hanging" },
    });
  });

  it("stand still while there is no room for what an agent said that has ended", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const speak = Promise.withResolvers<void>();
    const h = await harness(
      async (agent) => {
        await speak.promise;
        agent.write("stdout", "say it\ndone\n");
        return 0;
      },
      { clock },
    );
    await h.start();
    await h.order("one", { task: limited({}) });
    await h.fact("attempt.started", "one");
    const makeRoom = h.broker.refuseOutput();
    speak.resolve();
    await pass(clock, 20 * 60_000);
    expect(await h.output("one")).toEqual([]);
    makeRoom();
    await pass(clock, 2_000);
    await h.fact("attempt.succeeded", "one");
  });

  it("end an attempt whose agent is not started in time", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(async () => 0, { clock });
    const agent = { plugin: "line", image: "i", cliArgs: [], credentials: ["LINE_KEY"] };
    await h.start();
    await h.order("one", { task: { agent, ...limited({}) } });
    await h.entered("preparing", "one");
    await pass(clock, 300_000);
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "start_timeout" },
    });
  });

  it("end an agent that fills its disk", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const h = await harness(
      (agent) => {
        agent.fill(1_000_001);
        return new Promise(() => {});
      },
      { clock },
    );
    await h.start();
    await h.order("one", { task: limited({}) });
    await h.fact("attempt.started", "one");
    await pass(clock, 2_000);
    expect(await h.fact("attempt.failed", "one")).toMatchObject({ error: { code: "disk_limit" } });
  });
});

describe("secrets", () => {
  const SECRET = "s3cr3t-canary-value-0123456789";
  const agent = { plugin: "line", image: "i", cliArgs: [], credentials: ["LINE_KEY"] };

  /** The coordinator's part: seals what it holds to the key the runner has announced. */
  function holdSecrets(h: RunnerHarness, values: Record<string, string> = { LINE_KEY: SECRET }) {
    const own = sealer();
    const asked: unknown[] = [];
    answer(
      h.bus,
      "runner-secret",
      [subjects.api.of({ verb: "runner-secret" })],
      { epoch: () => 1 },
      async (request) => {
        asked.push(request);
        const entry = await h.bus.bucket(buckets.runners).get(`${RUNNER}.about`);
        if (!entry) throw new PitayaError("internal", "no about");
        const about = decode(RunnerAbout, entry.value, "about");
        return { secrets: own.seal(about.curveKey, { v: 1, run: RUN, values }) };
      },
    );
    return asked;
  }

  const stored = (h: RunnerHarness) =>
    Buffer.concat([...h.broker.payloads()].map((payload) => Buffer.from(payload)));

  it("reach the agent, and nothing that is stored", async () => {
    let env = "";
    const h = await harness(async (agent) => {
      env = agent.env["LINE_KEY"] ?? "";
      for (const part of [env.slice(0, 9), env.slice(9)]) agent.write("stdout", part);
      agent.write("stdout", `\nsay my key is ${env}\ndone with ${env}\n`);
      agent.write("stderr", `${env}\nACME-`);
      agent.write("stderr", "4711\n");
      return 1;
    });
    const asked = holdSecrets(h, { LINE_KEY: SECRET, OTHER: "not asked for by this task" });
    await h.start();
    await h.order("one", { task: { agent, redact: ["ACME-[0-9]{4}"] } });
    const end = await h.fact("attempt.failed", "one");
    expect(env).toBe(SECRET);
    expect(asked).toMatchObject([{ run: RUN, instance: instanceId(RUN, "s1", "one"), attempt: 1 }]);
    expect(end.lastOutput).toContain("my key is [REDACTED]");
    expect(stored(h).includes(SECRET)).toBe(false);
    expect(stored(h).includes("4711")).toBe(false);
    expect((await h.output("one")).length).toBeGreaterThan(0);
  });

  it("are not risked where the run's own patterns are not understood", async () => {
    const h = await harness(async () => 0);
    holdSecrets(h);
    await h.start();
    await h.order("one", { task: { agent, redact: ["(a)\\1"] } });
    const { error } = await h.fact("attempt.failed", "one");
    expect(error).toMatchObject({ code: "task_unsupported", retryable: false });
    expect(error.message).toContain("\\1 is not supported");
  });

  it.each([
    ["a commit", "commit"],
    ["a commit that a later one took back", "taken back"],
    ["an uncommitted file", "leave"],
    ["an uncommitted binary file", "binary"],
  ])("in %s keep that work out of the store", async (_, where) => {
    const binary = `\0\0${SECRET}\0`;
    const bundle = await base.bundleOf({ "k.txt": `key=${SECRET}\n`, "l.txt": "fine\n" });
    const takenBack = await base.bundleOf({ "k.txt": `key=${SECRET}\n`, "./k.txt": "fine\n" });
    const patch = await base.patchOf({ "k.bin": where === "binary" ? binary : `${SECRET}\n` });
    const h = await harness(async (agent) => {
      if (where === "commit") agent.commit(bundle);
      else if (where === "taken back") agent.commit(takenBack);
      else agent.leave(patch);
      agent.write("stdout", "done\n");
      return 0;
    });
    holdSecrets(h);
    await h.start();
    await h.order("one", { task: { agent } });
    const end = await h.fact("attempt.failed", "one");
    expect(end).toMatchObject({ error: { code: "secret_in_commit" } });
    expect(end.bundle).toBeUndefined();
    expect(end.patch).toBeUndefined();
  });

  it("that nobody holds fail the attempt at once", async () => {
    const h = await harness(async () => 0);
    answer(
      h.bus,
      "runner-secret",
      [subjects.api.of({ verb: "runner-secret" })],
      { epoch: () => 1 },
      async () => {
        throw new PitayaError("credentials_missing", "Nobody holds them.");
      },
    );
    await h.start();
    await h.order("one", { task: { agent } });
    expect(await h.fact("attempt.failed", "one")).toMatchObject({
      error: { code: "credentials_missing" },
    });
  });

  it("sealed to the key of an earlier start are asked for again", async () => {
    const own = sealer();
    const earlier = sealer().publicKey;
    let asked = 0;
    const h = await harness(async (agent) => {
      agent.write("stdout", `say ${agent.env["LINE_KEY"]}\ndone\n`);
      return 0;
    });
    answer(
      h.bus,
      "runner-secret",
      [subjects.api.of({ verb: "runner-secret" })],
      { epoch: () => 1 },
      async () => {
        asked += 1;
        const entry = await h.bus.bucket(buckets.runners).get(`${RUNNER}.about`);
        if (!entry) throw new PitayaError("internal", "no about");
        const about = decode(RunnerAbout, entry.value, "about");
        const to = asked === 1 ? earlier : about.curveKey;
        return { secrets: own.seal(to, { v: 1, run: RUN, values: { LINE_KEY: SECRET } }) };
      },
    );
    await h.start();
    await h.order("one", { task: { agent } });
    await h.fact("attempt.succeeded", "one");
    expect(asked).toBe(2);
    expect(stored(h).includes(SECRET)).toBe(false);
  });

  it("are known again after a restart, so that output stays redacted", async () => {
    let speak = () => {};
    const h = await harness((agent) => {
      agent.write("stdout", "say one\n");
      return new Promise((resolve) => {
        speak = () => {
          agent.write("stdout", `say ${agent.env["LINE_KEY"]}\ndone\n`);
          resolve(0);
        };
      });
    });
    holdSecrets(h);
    const first = await h.start();
    await h.order("one", { task: { agent } });
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    await h.start();
    await h.fact("attempt.adopted", "one");
    speak();
    await h.fact("attempt.succeeded", "one");
    expect(stored(h).includes(SECRET)).toBe(false);
    expect(stored(h).includes("[REDACTED]")).toBe(true);
  });

  describe("that nobody knows any more after a restart", () => {
    /** An agent that was adopted, and has printed and committed its key since. */
    async function orphaned() {
      const clock = manualClock(Date.UTC(2026, 0, 1));
      const bundle = await base.bundleOf({ "k.txt": `key=${SECRET}\n` });
      let goOn = () => {};
      const h = await harness(
        (agent) =>
          new Promise((resolve) => {
            goOn = () => {
              agent.write("stdout", `say ${SECRET}\ndone\n`);
              agent.commit(bundle);
              resolve(0);
            };
          }),
        { clock },
      );
      const own = sealer();
      let isHeld = true;
      answer(
        h.bus,
        "runner-secret",
        [subjects.api.of({ verb: "runner-secret" })],
        { epoch: () => 1 },
        async () => {
          const entry = await h.bus.bucket(buckets.runners).get(`${RUNNER}.about`);
          if (!isHeld || !entry) {
            const retryable = { retryable: true };
            throw new PitayaError("credentials_missing", "Nobody holds them.", retryable);
          }
          const { curveKey } = decode(RunnerAbout, entry.value, "about");
          return { secrets: own.seal(curveKey, { v: 1, run: RUN, values: { LINE_KEY: SECRET } }) };
        },
      );
      const first = await h.start();
      await h.order("one", { task: { agent } });
      await h.fact("attempt.started", "one");
      isHeld = false;
      await first.stop("leave");
      await h.start();
      await h.fact("attempt.adopted", "one");
      goOn();
      const waits = h.fact("attempt.waitingForCredentials", "one").then(() => true);
      while (!(await Promise.race([waits, pass(clock, 1_000)])));
      // Far beyond every limit of an agent at work.
      clock.advance(2 * 3_600_000);
      await pass(clock, 2_000);
      const bring = () => {
        isHeld = true;
      };
      return { h, clock, bring };
    }

    it("hold its work back until somebody brings them", async () => {
      const { h, clock, bring } = await orphaned();
      expect(await h.chain("one")).not.toContainEqual(
        expect.objectContaining({ fact: expect.objectContaining({ type: "attempt.failed" }) }),
      );
      bring();
      await pass(clock, 5_000);
      const end = await h.fact("attempt.failed", "one");
      expect(end).toMatchObject({ error: { code: "secret_in_commit" } });
      expect(end.lastOutput).toContain("[REDACTED]");
      expect(stored(h).includes(SECRET)).toBe(false);
    });

    it("keep nothing of it where it is stopped before that", async () => {
      const { h, clock } = await orphaned();
      await h.cancel("one", "interrupt");
      await pass(clock, 5_000);
      const end = await h.fact("attempt.failed", "one");
      expect(end.error).toMatchObject({
        code: "interrupted",
        details: { alsoFailed: [expect.stringContaining("credentials_missing")] },
      });
      expect(end).toMatchObject({ lastOutput: "" });
      expect(end.bundle).toBeUndefined();
      expect(stored(h).includes(SECRET)).toBe(false);
    });
  });
});

describe("a runner-agent", () => {
  it("tells what it is and that it lives, before it takes anything", async () => {
    const h = await harness(patientAgent().script);
    await h.start({ slots: 3, labels: { arch: "arm64" }, pool: "gpu" });
    const entry = await h.bus.bucket(buckets.runners).get(`${RUNNER}.about`);
    expect(entry && decode(RunnerAbout, entry.value, "about")).toMatchObject({
      runner: RUNNER,
      slots: 3,
      pool: "gpu",
      labels: { arch: "arm64" },
      leaseMs: 5_000,
      curveKey: expect.stringMatching(/^X/),
      packs: [expect.any(String)],
    });
    expect(await h.liveness()).toMatchObject({
      incarnation: "00000001",
      attempts: [],
      slotsUsed: 0,
    });
  });

  it("lists an attempt from its claim to its end, never handled and missing", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const agent = patientAgent();
    const h = await harness(agent.script, { clock });
    await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await pass(clock, 5_000 / 3 + 1);
    const instance = instanceId(RUN, "s1", "one");
    await eventually(() => h.liveness()).toMatchObject({
      attempts: [{ run: RUN, instance, attempt: 1 }],
      slotsUsed: 1,
    });
    expect((await h.liveness())?.lastStart).toBeGreaterThan(0);
    agent.go();
    await h.fact("attempt.succeeded", "one");
    await pass(clock, 5_000 / 3 + 1);
    await eventually(() => h.liveness()).toMatchObject({ attempts: [], slotsUsed: 0 });
  });

  it("leaves nothing alive when it is told to, and stores what it can", async () => {
    const h = await harness(patientAgent().script);
    const runner = await h.start();
    await h.order("one");
    await h.order("two");
    await Promise.all([h.fact("attempt.started", "one"), h.fact("attempt.started", "two")]);
    await runner.stop("kill");
    expect(await h.executor.list()).toEqual([]);
    expect(await h.fact("attempt.failed", "one")).toMatchObject({ error: { code: "interrupted" } });
    expect(await h.fact("attempt.failed", "two")).toMatchObject({ error: { code: "interrupted" } });
    expect(await h.liveness()).toBeUndefined();
  });

  it("removes at its start what no attempt of its own owns", async () => {
    const h = await harness(patientAgent().script);
    const first = await h.start();
    await h.order("one");
    await h.fact("attempt.started", "one");
    await first.stop("leave");
    await rm(join(h.stateDir, "attempts"), { recursive: true });
    await h.start();
    expect(await h.executor.list()).toEqual([]);
  });
});
