import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { answer, type Bus, decode, encode, natsBus, provision, sealer } from "@pitaya/bus";
import { openRepository, storePack, writeBundle } from "@pitaya/git";
import { commitFiles, testGit } from "@pitaya/git/testing";
import { COMMIT_INSTRUCTION, claudeCode } from "@pitaya/plugins";
import {
  AttemptMessage,
  type BranchSource,
  buckets,
  CancelCommand,
  ConfirmCommand,
  DEFAULT_LIMITS,
  type FactOf,
  type FactType,
  instanceId,
  messageIds,
  ProcessId,
  type RunId,
  RunnerAbout,
  RunnerLiveness,
  runEvents,
  type SessionSnapshot,
  StartCommand,
  subjects,
  type TaskSpec,
} from "@pitaya/protocol";
import Docker from "dockerode";
import { expect, onTestFinished } from "vitest";
import { type ModelServer, startModelServer } from "./model-server/model-server.ts";
import { startNatsProcess } from "./nats.ts";

const PROGRAM = fileURLToPath(new URL("../../services/runner-agent/main.ts", import.meta.url));

/** For what happens when programs and containers have got round to it. */
export const WAIT = { timeout: 90_000, interval: 100 };

/** One order: an attempt of an instance on a runner. */
export interface Order {
  readonly runner: string;
  readonly key: string;
  readonly attempt?: number;
  /** The provider's address. */
  readonly url: string;
  readonly task?: Partial<TaskSpec>;
  readonly snapshot?: SessionSnapshot;
}

/** Names an attempt's chain. */
export type ChainName = Pick<Order, "runner" | "key" | "attempt">;

export interface RunnerPrograms {
  readonly dir: string;
  readonly model: ModelServer;
  readonly coordinator: Bus;
  readonly base: BranchSource;
  /** What together holds the base's history, on this host. */
  readonly objectDirs: readonly string[];
  spawnProgram(runner: string, env?: NodeJS.ProcessEnv): ChildProcess;
  /** Resolves when this start of it is in the fleet. */
  startProgram(runner: string, env?: NodeJS.ProcessEnv): Promise<ChildProcess>;
  liveness(runner: string): Promise<RunnerLiveness | undefined>;
  order(order: Order): Promise<void>;
  interrupt(of: ChainName): Promise<void>;
  facts(of: ChainName): Promise<readonly { by: string; fact: FactOf<FactType> }[]>;
  /** Waits for a fact of this type. */
  fact<T extends FactType>(type: T, of: ChainName): Promise<FactOf<T>>;
  /** Waits for the attempt's last fact. */
  ending(of: ChainName): Promise<FactOf<"attempt.succeeded"> | FactOf<"attempt.failed">>;
  close(): Promise<void>;
}

/**
 * A real bus, the model server, a small base in the store, and the test as the coordinator of
 * runner-agents that run as programs, as compose starts them, on the real engine.
 */
export async function runnerPrograms(options: {
  readonly runners: readonly string[];
  readonly run: RunId;
  readonly apiKey: string;
}): Promise<RunnerPrograms> {
  const { runners, run, apiKey } = options;
  const dir = await mkdtemp(join(tmpdir(), "pitaya-runner-agent-"));
  const nats = await startNatsProcess({
    users: [
      { role: "admin", id: "a1" },
      { role: "coordinator", id: "c1" },
      { role: "cli", id: "u1" },
      ...runners.map((id) => ({ role: "runner" as const, id })),
    ],
  });
  const model = await startModelServer({ host: "0.0.0.0", port: 0 });
  const as = (id: string) => ({ servers: nats.url, name: id, user: nats.user(id) });
  await provision({ ...as("a1"), maxStoreBytes: 2 * 1024 ** 3 });
  const coordinator = await natsBus(as("c1"));
  for (const runner of runners) {
    await coordinator.commands.ensureQueues(runner);
    await writeFile(join(dir, `${runner}.json`), JSON.stringify(nats.user(runner)));
  }
  const client = await natsBus(as("u1"));
  const { base, objectDirs } = await publishBase(dir, client);
  await client.close();
  holdSecrets(coordinator, run, apiKey);
  const closing = new AbortController();
  const confirming = confirmPauses(coordinator, run, closing.signal);

  function spawnProgram(runner: string, more: NodeJS.ProcessEnv = {}): ChildProcess {
    const child = spawn(process.execPath, [PROGRAM], {
      stdio: ["ignore", "inherit", "pipe"],
      env: {
        PATH: process.env["PATH"],
        DOCKER_HOST: process.env["DOCKER_HOST"],
        PITAYA_NATS_URL: nats.url,
        PITAYA_NATS__CREDS: join(dir, `${runner}.json`),
        PITAYA_RUNNER__STATE_DIR: join(dir, `${runner}-state`),
        PITAYA_RUNNER__HELPER_IMAGE: process.env["PITAYA_AGENTS_IMAGE"],
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

  async function liveness(runner: string) {
    const entry = await coordinator.bucket(buckets.runners).get(runner);
    return entry && decode(RunnerLiveness, entry.value, "liveness");
  }

  async function startProgram(runner: string, env?: NodeJS.ProcessEnv): Promise<ChildProcess> {
    const child = spawnProgram(runner, env);
    const before = (await liveness(runner))?.incarnation;
    const isThere = expect
      .poll(async () => (await liveness(runner))?.incarnation ?? before, WAIT)
      .not.toBe(before);
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the runner-agent ended with ${code} before it was there`);
    });
    // A later end is what the tests ask for.
    ended.catch(() => undefined);
    await Promise.race([isThere, ended]);
    return child;
  }

  const subjectOf = ({ runner, key, attempt = 1 }: ChainName) =>
    subjects.fact.of({
      runner,
      run,
      instance: instanceId(run, "s1", key),
      attempt: String(attempt),
    });

  async function order({ runner, key, attempt = 1, url, task, snapshot }: Order): Promise<void> {
    const instance = instanceId(run, "s1", key);
    const payload = encode(StartCommand, {
      v: 1,
      runner: ProcessId.parse(runner),
      epoch: 1,
      decision: 1,
      run,
      instance,
      attempt,
      at: new Date().toISOString(),
      task: {
        prompt: { inline: "Add a greeting." },
        base,
        agent: {
          plugin: claudeCode.name,
          image: process.env["PITAYA_AGENTS_IMAGE"] ?? claudeCode.defaultImage,
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
        ...task,
      },
      ...(snapshot && { snapshot }),
    });
    const id = messageIds.start(run, instance, attempt, 1);
    await coordinator.commands.publish(subjects.start.of({ runner }), { id, payload });
  }

  async function interrupt({ runner, key, attempt = 1 }: ChainName): Promise<void> {
    const instance = instanceId(run, "s1", key);
    const payload = encode(CancelCommand, {
      v: 1,
      runner: ProcessId.parse(runner),
      epoch: 1,
      decision: 2,
      run,
      instance,
      attempt,
      at: new Date().toISOString(),
      verb: "cancel",
      mode: "interrupt",
    });
    const id = messageIds.control(run, instance, attempt, "cancel", 1, 2);
    const subject = subjects.control.of({ runner, verb: "cancel" });
    await coordinator.commands.publish(subject, { id, payload });
  }

  async function facts(of: ChainName) {
    const found: { by: string; fact: FactOf<FactType> }[] = [];
    for await (const { payload } of coordinator.events.read([subjectOf(of)])) {
      const message = decode(AttemptMessage, payload, "A message of the attempt");
      if (message.by === "runner") found.push({ by: message.incarnation, fact: message.fact });
    }
    return found;
  }

  async function firstFact<T extends FactType>(of: ChainName, types: readonly T[]) {
    const isWanted = (fact: FactOf<FactType>): fact is FactOf<T> =>
      types.some((type) => type === fact.type);
    const find = async () => (await facts(of)).map(({ fact }) => fact).find(isWanted);
    await expect.poll(find, WAIT).toBeDefined();
    const found = await find();
    if (found === undefined) throw new Error("a fact does not go away");
    return found;
  }

  return {
    dir,
    model,
    coordinator,
    base,
    objectDirs,
    spawnProgram,
    startProgram,
    liveness,
    order,
    interrupt,
    facts,
    fact: (type, of) => firstFact(of, [type]),
    ending: (of) => firstFact(of, ["attempt.succeeded", "attempt.failed"]),
    async close() {
      closing.abort();
      await confirming;
      await coordinator.close();
      await model.close();
      await nats.stop();
      for (const runner of runners) await removeEverythingOf(runner);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** As the cli does at submit. */
export async function publishBase(dir: string, client: Bus) {
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
  const base: BranchSource = {
    branch: "main",
    commit: tip,
    bundles: [{ blob, tip, shallow: [] }],
  };
  return { base, objectDirs: stored.objectDirs };
}

/** As the coordinator does: seals what it holds to the key the runner that asks has announced. */
function holdSecrets(coordinator: Bus, run: RunId, apiKey: string) {
  const own = sealer();
  const subject = subjects.api.of({ verb: "runner-secret" });
  answer(coordinator, "runner-secret", [subject], { epoch: () => 1 }, async ({ runner }) => {
    const entry = await coordinator.bucket(buckets.runners).get(`${runner}.about`);
    if (entry === undefined) throw new Error("the runner has not told of itself");
    const about = decode(RunnerAbout, entry.value, "about");
    const values = { ANTHROPIC_API_KEY: apiKey, OPENAI_API_KEY: apiKey, GEMINI_API_KEY: apiKey };
    return { secrets: own.seal(about.curveKey, { v: 1, run, values }) };
  });
}

/** As the coordinator does: an attempt that stands still and is still wanted goes on. */
async function confirmPauses(coordinator: Bus, run: RunId, signal: AbortSignal): Promise<void> {
  for await (const item of coordinator.events.follow(runEvents(run), { signal })) {
    if ("caughtUp" in item || subjects.fact.parse(item.subject) === undefined) continue;
    const message = decode(AttemptMessage, item.payload, "A message of the attempt");
    if (message.by !== "runner" || message.fact.type !== "attempt.paused") continue;
    const { runner, instance, attempt } = message;
    const payload = encode(ConfirmCommand, {
      ...{ v: 1, runner, epoch: 1, decision: 1, run, instance, attempt },
      at: new Date().toISOString(),
      verb: "confirm",
    });
    const id = messageIds.control(run, instance, attempt, "confirm", 1, item.sequence);
    const subject = subjects.control.of({ runner, verb: "confirm" });
    await coordinator.commands.publish(subject, { id, payload });
  }
}

/** Everything on the engine with the label of this runner. */
export async function removeEverythingOf(runner: string): Promise<void> {
  const engine = new Docker();
  const filters = JSON.stringify({ label: [`pitaya.runner=${runner}`] });
  for (const { Id } of await engine.listContainers({ all: true, filters })) {
    // A helper goes by itself when the process is gone that it served.
    await engine
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch((error: { readonly statusCode?: number }) => {
        if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
      });
  }
  const { Volumes } = await engine.listVolumes({ filters });
  for (const { Name } of Volumes) await engine.getVolume(Name).remove();
  for (const { Id } of await engine.listNetworks({ filters })) await engine.getNetwork(Id).remove();
}

/** States of the attempts' containers of this runner. */
export async function containersOf(runner: string): Promise<readonly string[]> {
  const filters = JSON.stringify({
    label: [`pitaya.runner=${runner}`, "pitaya.role=attempt"],
  });
  return (await new Docker().listContainers({ all: true, filters })).map(({ State }) => State);
}
