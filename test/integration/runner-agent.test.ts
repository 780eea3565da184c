import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, type Bus, decode, encode, natsBus, provision, sealer } from "@pitaya/bus";
import { openRepository, quarantine, storePack, writeBundle } from "@pitaya/git";
import { commitFiles, testGit } from "@pitaya/git/testing";
import { COMMIT_INSTRUCTION, claudeCode } from "@pitaya/plugins";
import {
  AttemptMessage,
  type BranchSource,
  buckets,
  DEFAULT_LIMITS,
  type FactOf,
  type FactType,
  instanceId,
  messageIds,
  RunId,
  RunnerAbout,
  RunnerLiveness,
  StartCommand,
  subjects,
  type TaskSpec,
} from "@pitaya/protocol";
import Docker from "dockerode";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type ModelServer, startModelServer } from "../support/model-server/model-server.ts";
import { startNatsProcess, type TestNatsProcess } from "../support/nats.ts";

const RUNNER = `test-${randomBytes(4).toString("hex")}`;
const RUN = RunId.parse(`run_20260101_000000_${randomBytes(4).toString("hex")}`);
const API_KEY = "sk-ant-api03-canary-of-the-runner-agent-test";
const PROGRAM = fileURLToPath(new URL("../../services/runner-agent/main.ts", import.meta.url));
const COMMIT = 'echo hello > hello.txt && git add hello.txt && git commit -q -m "Add hello.txt"';
const WAIT = { timeout: 90_000, interval: 100 };

let dir: string;
let nats: TestNatsProcess;
let model: ModelServer;
let coordinator: Bus;
let base: BranchSource;
let objectDirs: readonly string[];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-runner-agent-"));
  nats = await startNatsProcess({
    users: [
      { role: "admin", id: "a1" },
      { role: "coordinator", id: "c1" },
      { role: "cli", id: "u1" },
      { role: "runner", id: RUNNER },
    ],
  });
  model = await startModelServer({ host: "0.0.0.0", port: 0 });
  const as = (id: string) => ({ servers: nats.url, name: id, user: nats.user(id) });
  await provision({ ...as("a1"), maxStoreBytes: 2 * 1024 ** 3 });
  coordinator = await natsBus(as("c1"));
  await coordinator.commands.ensureQueues(RUNNER);
  await writeFile(join(dir, "credential.json"), JSON.stringify(nats.user(RUNNER)));
  const client = await natsBus(as("u1"));
  ({ base, objectDirs } = await publishBase(client));
  await client.close();
  holdSecrets();
});
afterAll(async () => {
  await coordinator.close();
  await model.close();
  await nats.stop();
  await removeEverythingOf(RUNNER);
  await rm(dir, { recursive: true, force: true });
});

/** As the cli does at submit. */
async function publishBase(client: Bus) {
  const source = join(dir, "source");
  await testGit(dir, ["init", "--quiet", "--initial-branch=main", source]);
  const tip = await commitFiles(source, { "README.md": "# base\n" }, "base");
  const path = join(dir, "base.bundle");
  const repo = await openRepository(source);
  await writeBundle({ repo, commit: tip, known: [], path });
  const blob = await client.blobs.put(() => createReadStream(path));
  const stored = await storePack({
    bundlePath: path,
    dir: join(dir, "pack"),
    tip,
    objectFormat: "sha1",
    parents: [],
    shallow: [],
  });
  const branch: BranchSource = {
    branch: "main",
    commit: tip,
    bundles: [{ blob, tip, shallow: [] }],
  };
  return { base: branch, objectDirs: stored.objectDirs };
}

/** As the coordinator does: seals what it holds to the key the runner has announced. */
function holdSecrets() {
  const own = sealer();
  const subject = subjects.api.of({ verb: "runner-secret" });
  answer(coordinator, "runner-secret", [subject], { epoch: () => 1 }, async () => {
    const entry = await coordinator.bucket(buckets.runners).get(`${RUNNER}.about`);
    if (entry === undefined) throw new Error("the runner has not told of itself");
    const about = decode(RunnerAbout, entry.value, "about");
    const values = { ANTHROPIC_API_KEY: API_KEY };
    return { secrets: own.seal(about.curveKey, { v: 1, run: RUN, values }) };
  });
}

/** The program as compose starts it. */
function spawnProgram(more: NodeJS.ProcessEnv = {}): ChildProcess {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ["ignore", "inherit", "pipe"],
    env: {
      PATH: process.env["PATH"],
      DOCKER_HOST: process.env["DOCKER_HOST"],
      PITAYA_NATS_URL: nats.url,
      PITAYA_NATS__CREDS: join(dir, "credential.json"),
      PITAYA_RUNNER__STATE_DIR: join(dir, "state"),
      PITAYA_RUNNER__SLOTS: "2",
      PITAYA_RUNNER__HOST_ENDPOINTS: `host.docker.internal:${model.port}`,
      PITAYA_LEASE__RUNNER_MS: "2000",
      PITAYA_LOGGING__LEVEL: process.env["LOG"] ?? "error",
      ...more,
    },
  });
  child.stderr?.pipe(process.stderr, { end: false });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const killing = setTimeout(() => child.kill("SIGKILL"), 30_000);
    await once(child, "exit");
    clearTimeout(killing);
  });
  return child;
}

async function startProgram(): Promise<ChildProcess> {
  const child = spawnProgram();
  const before = (await liveness())?.incarnation;
  const isThere = expect
    .poll(async () => (await liveness())?.incarnation ?? before, WAIT)
    .not.toBe(before);
  const ended = once(child, "exit").then(([code]) => {
    throw new Error(`the runner-agent ended with ${code} before it was there`);
  });
  // A later end is what the tests ask for.
  ended.catch(() => undefined);
  await Promise.race([isThere, ended]);
  return child;
}

async function liveness() {
  const entry = await coordinator.bucket(buckets.runners).get(RUNNER);
  return entry && decode(RunnerLiveness, entry.value, "liveness");
}

const subjectOf = (key: string) =>
  subjects.fact.of({
    runner: RUNNER,
    run: RUN,
    instance: instanceId(RUN, "s1", key),
    attempt: "1",
  });

async function order(key: string, url: string, over: Partial<TaskSpec> = {}): Promise<void> {
  const instance = instanceId(RUN, "s1", key);
  const payload = encode(StartCommand, {
    v: 1,
    runner: RUNNER,
    epoch: 1,
    decision: 1,
    run: RUN,
    instance,
    attempt: 1,
    at: new Date().toISOString(),
    task: {
      prompt: { inline: "Add a greeting." },
      base,
      agent: {
        plugin: claudeCode.name,
        image: claudeCode.defaultImage,
        cliArgs: [],
        baseUrl: url,
        credentials: ["ANTHROPIC_API_KEY"],
      },
      limits: { ...DEFAULT_LIMITS, cpus: 1, memoryBytes: 1024 ** 3 },
      network: "online",
      readOnly: false,
      forceCommit: false,
      commitInstruction: COMMIT_INSTRUCTION,
      author: { name: "Pitaya Agent", email: "agent@pitaya.local" },
      importPolicy: "auto",
      ...over,
    },
  });
  const id = messageIds.start(RUN, instance, 1, 1);
  await coordinator.commands.publish(subjects.start.of({ runner: RUNNER }), { id, payload });
}

async function facts(key: string) {
  const found: { readonly by: string; readonly fact: FactOf<FactType> }[] = [];
  for await (const { payload } of coordinator.events.read([subjectOf(key)])) {
    const message = decode(AttemptMessage, payload, "A message of the attempt");
    if (message.by === "runner") found.push({ by: message.incarnation, fact: message.fact });
  }
  return found;
}

async function ending(key: string) {
  const isEnd = (type: string) => type === "attempt.succeeded" || type === "attempt.failed";
  const find = async () => (await facts(key)).find(({ fact }) => isEnd(fact.type))?.fact;
  await expect.poll(find, WAIT).toBeDefined();
  return find();
}

/** What the attempt's bundle adds to the base, looked at as the cli will. */
async function workOf(end: FactOf<"attempt.succeeded">, name: string) {
  if (end.bundle === undefined) throw new Error("there is no bundle");
  const path = join(dir, `${name}.bundle`);
  const parts: Uint8Array[] = [];
  for await (const part of coordinator.blobs.get(end.bundle.blob)) parts.push(part);
  await writeFile(path, Buffer.concat(parts));
  return quarantine({
    bundlePath: path,
    dir: join(dir, `${name}.quarantine`),
    baseCommit: base.commit,
    objectDirs,
    shallow: [],
    objectFormat: "sha1",
  });
}

/** Everything on the engine with the label of this runner. */
async function removeEverythingOf(runner: string): Promise<void> {
  const engine = new Docker();
  const filters = JSON.stringify({ label: [`pitaya.runner=${runner}`] });
  for (const { Id } of await engine.listContainers({ all: true, filters })) {
    await engine.getContainer(Id).remove({ force: true, v: true });
  }
  const { Volumes } = await engine.listVolumes({ filters });
  for (const { Name } of Volumes) await engine.getVolume(Name).remove();
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove();
}

async function childrenOf(pid: number | undefined): Promise<readonly number[]> {
  const list = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return list.split(" ").flatMap((child) => (child.trim() === "" ? [] : [Number(child)]));
}

async function containersOf(runner: string): Promise<readonly string[]> {
  const filters = JSON.stringify({
    label: [`pitaya.runner=${runner}`, "pitaya.role=attempt"],
  });
  return (await new Docker().listContainers({ all: true, filters })).map(({ State }) => State);
}

describe("a runner-agent as a program, on a real bus and engine, with the real agent CLI", () => {
  it("brings one commit home, and leaves nothing of the attempt", async () => {
    await startProgram();
    await order("home", model.url("ok", "home", "host.docker.internal"));
    const end = await ending("home");
    expect(end).toMatchObject({
      type: "attempt.succeeded",
      uncommitted: false,
      work: { commits: 1, filesChanged: 1 },
      account: { sessionId: expect.any(String) },
    });
    if (end?.type !== "attempt.succeeded") return;
    expect(await workOf(end, "home")).toMatchObject({ commit: end.work?.commit, commitCount: 1 });
    await expect.poll(() => containersOf(RUNNER), WAIT).toEqual([]);
  });

  it("killed in the middle and started again, it adopts the agent and brings its work home", async () => {
    const script = [
      { bash: COMMIT, say: "First the file." },
      { text: "It is there.", beforeMs: 6_000 },
    ];
    const first = await startProgram();
    await order("killed", model.url(script, "killed", "host.docker.internal"));
    await model.requested("killed", 2);
    first.kill("SIGKILL");
    await once(first, "exit");
    expect(await containersOf(RUNNER)).toEqual(["running"]);
    await startProgram();
    expect(await liveness()).toMatchObject({
      attempts: [{ run: RUN, instance: instanceId(RUN, "s1", "killed"), attempt: 1 }],
    });
    const end = await ending("killed");
    expect(end).toMatchObject({
      type: "attempt.succeeded",
      work: { commits: 1 },
      finalMessage: { inline: "It is there." },
    });
    const told = await facts("killed");
    expect(told.filter(({ fact }) => fact.type === "attempt.adopted")).toHaveLength(1);
    expect(new Set(told.map(({ by }) => by)).size).toBe(2);
    expect(told.some(({ fact }) => fact.type === "output.gap")).toBe(false);
  });

  it("killed and not started again, its lease lapses, since its warden holds it no longer", async () => {
    const program = await startProgram();
    expect(await liveness()).toBeDefined();
    program.kill("SIGKILL");
    await expect.poll(liveness, WAIT).toBeUndefined();
  });

  it("gets another warden when its own is killed, and stays who it is", async () => {
    const program = await startProgram();
    const before = await liveness();
    const [warden] = await childrenOf(program.pid);
    if (warden === undefined) throw new Error("there is no warden");
    process.kill(warden, "SIGKILL");
    await expect.poll(() => childrenOf(program.pid), WAIT).not.toContain(warden);
    await expect.poll(() => childrenOf(program.pid), WAIT).toHaveLength(1);
    await expect.poll(async () => (await liveness())?.incarnation, WAIT).toBe(before?.incarnation);
    expect(program.exitCode).toBeNull();
  });

  it("told to end, it leaves its agents running for the next one", async () => {
    const first = await startProgram();
    const script = [{ text: "Done.", beforeMs: 5_000 }];
    await order("left", model.url(script, "left", "host.docker.internal"));
    await model.requested("left", 1);
    first.kill("SIGTERM");
    expect(await once(first, "exit")).toEqual([0, null]);
    expect(await containersOf(RUNNER)).toEqual(["running"]);
    await startProgram();
    expect(await ending("left")).toMatchObject({ type: "attempt.succeeded" });
  });

  it("ends, and says why, where it cannot start", async () => {
    const child = spawnProgram({ DOCKER_HOST: "unix:///nowhere/docker.sock" });
    const told: Buffer[] = [];
    child.stderr?.on("data", (bytes: Buffer) => told.push(bytes));
    expect(await once(child, "close")).toEqual([1, null]);
    expect(String(Buffer.concat(told))).toContain("/nowhere/docker.sock");
  });

  it("says why where it cannot do what it is told", async () => {
    await startProgram();
    const url = model.url("ok", "refused", "host.docker.internal");
    const agent = { plugin: claudeCode.name, cliArgs: [], credentials: [], baseUrl: url };
    await order("image", url, { agent: { ...agent, image: "pitaya-no-such-image:latest" } });
    expect(await ending("image")).toMatchObject({ error: { code: "image_missing" } });
  });
});
