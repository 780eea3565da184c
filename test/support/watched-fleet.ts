import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask, type Bus, natsBus, provision } from "@pitaya/bus";
import { type Coordinator, start } from "@pitaya/coordinator";
import { sampleRun } from "@pitaya/coordinator/testing";
import {
  type BranchSource,
  buckets,
  DEFAULT_LIMITS,
  makeRunId,
  type RunId,
  runEvents,
  subjects,
} from "@pitaya/protocol";
import { type LogEvent, type RunView, runLog, runView } from "@pitaya/views";
import Docker from "dockerode";
import pino from "pino";
import { expect } from "vitest";
import { type CuttableLink, cuttableLink } from "./cuttable-link.ts";
import { startNatsProcess, type TestNatsProcess } from "./nats.ts";
import { buildOddAgentImage } from "./odd-agent/image.ts";
import { publishBase, removeEverythingOf, WAIT } from "./runner-programs.ts";

const RUNNER_AGENT = fileURLToPath(new URL("../../services/runner-agent/main.ts", import.meta.url));

/** A runner-agent with its warden, as a program, on a link of its own. */
export interface WatchedRunner {
  readonly id: string;
  readonly link: CuttableLink;
  /** The runner-agent's process and its warden's. */
  pids(): Promise<readonly [agent: number, warden: number]>;
  /** What it logged. */
  readonly logged: () => string;
}

export interface WatchedFleet {
  readonly nats: TestNatsProcess;
  startRunner(id: string, slots: number): Promise<WatchedRunner>;
  /** A run of agents that each wait to be told to end. */
  submit(executions: number): Promise<RunId>;
  /** Follows a run until it looks so. */
  until(run: RunId, condition: (view: RunView) => boolean): Promise<RunView>;
  /** All that counts of a run, up to now. */
  events(run: RunId): Promise<readonly LogEvent[]>;
  /** Tells the agents of this runner to end, or the one of an instance. */
  tellAgents(runner: string, instance?: string): Promise<void>;
  close(): Promise<void>;
}

/** A real bus, a coordinator, and room for runner-agents as programs on the real engine. */
export async function watchedFleet(options: {
  readonly runners: readonly string[];
  readonly leaseMs: number;
}): Promise<WatchedFleet> {
  const { runners, leaseMs } = options;
  const dir = await mkdtemp(join(tmpdir(), "pitaya-fleet-"));
  const image = await buildOddAgentImage();
  const nats = await startNatsProcess({
    users: [
      { role: "admin", id: "a1" },
      { role: "coordinator", id: "c1" },
      { role: "cli", id: "u1" },
      ...runners.map((id) => ({ role: "runner" as const, id })),
    ],
  });
  const as = (id: string) => ({ servers: nats.url, name: id, user: nats.user(id) });
  await provision({ ...as("a1"), maxStoreBytes: 2 * 1024 ** 3 });
  const own: Bus = await natsBus(as("c1"));
  const client = await natsBus(as("u1"));
  const { base }: { base: BranchSource } = await publishBase(dir, client);
  const coordinator: Coordinator = start({
    bus: own,
    id: "c1",
    version: "0.0.0",
    log: pino({ level: process.env["LOG"] ?? "silent" }),
    leaseMs: 1_000,
    runnerLeaseMs: leaseMs,
    takeOver: true,
  });
  await coordinator.deciding;
  const links: CuttableLink[] = [];
  const programs: ChildProcess[] = [];

  async function startRunner(id: string, slots: number): Promise<WatchedRunner> {
    const link = await cuttableLink(Number(new URL(nats.url).port));
    links.push(link);
    const credential = join(dir, `${id}.json`);
    await writeFile(credential, JSON.stringify(nats.user(id)));
    const child = spawn(process.execPath, [RUNNER_AGENT], {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        PATH: process.env["PATH"],
        DOCKER_HOST: process.env["DOCKER_HOST"],
        PITAYA_NATS_URL: `nats://127.0.0.1:${link.port}`,
        PITAYA_NATS__CREDS: credential,
        PITAYA_RUNNER__STATE_DIR: join(dir, `${id}-state`),
        PITAYA_RUNNER__SLOTS: String(slots),
        PITAYA_LEASE__RUNNER_MS: String(leaseMs),
        PITAYA_LOGGING__LEVEL: "info",
      },
    });
    let logged = "";
    child.stdout.on("data", (bytes: Buffer) => {
      logged += bytes.toString();
      if (process.env["LOG"]) process.stderr.write(bytes);
    });
    programs.push(child);
    await isThere(own, id);
    return {
      id,
      link,
      logged: () => logged,
      async pids() {
        const agent = child.pid ?? 0;
        const children = await readFile(`/proc/${agent}/task/${agent}/children`, "utf8");
        return [agent, Number(children.trim().split(" ")[0])];
      },
    };
  }

  async function submit(executions: number): Promise<RunId> {
    const run = makeRunId(new Date(), randomBytes(4).toString("hex"));
    const spec = sampleRun({
      run,
      client: "u1",
      prompt: { inline: "waits" },
      base,
      executions,
      agent: { plugin: "claude-code", image, cliArgs: [], credentials: [] },
      limits: { ...DEFAULT_LIMITS, cpus: 1, memoryBytes: 128 * 1024 ** 2 },
    });
    const subject = subjects.api.of({ verb: "submit" });
    await ask(client, "submit", subject, { v: 1, spec, secrets: [] }, 10_000);
    return run;
  }

  async function* follow(run: RunId, signal?: AbortSignal): AsyncGenerator<LogEvent> {
    const messages = runLog();
    const source = signal
      ? client.events.follow(runEvents(run), { signal })
      : client.events.read(runEvents(run));
    for await (const item of source) if (!("caughtUp" in item)) yield* messages.admit(item);
  }

  return {
    nats,
    startRunner,
    submit,
    async until(run, condition) {
      const fold = runView();
      const stop = new AbortController();
      for await (const event of follow(run, stop.signal)) {
        fold.apply(event);
        if (condition(fold.view)) break;
      }
      stop.abort();
      return fold.view;
    },
    async events(run) {
      const found: LogEvent[] = [];
      for await (const event of follow(run)) found.push(event);
      return found;
    },
    async tellAgents(runner, instance) {
      const engine = new Docker();
      const label = [
        ...[`pitaya.runner=${runner}`, "pitaya.role=attempt"],
        ...(instance === undefined ? [] : [`pitaya.instance=${instance}`]),
      ];
      const found = await engine.listContainers({ filters: { label } });
      for (const { Id } of found) {
        const tell = async () => {
          const streams = { AttachStdout: true, AttachStderr: true };
          const telling = await engine
            .getContainer(Id)
            .exec({ Cmd: ["touch", "/tmp/go"], ...streams });
          const stream = await telling.start({});
          stream.resume();
          await once(stream, "end");
          return true;
        };
        // One that stands still cannot be told.
        await expect.poll(() => tell().catch(() => false), WAIT).toBe(true);
      }
    },
    async close() {
      await Promise.all(programs.map(endProgram));
      await coordinator.stop();
      for (const link of links) await link.close();
      await own.close();
      await client.close();
      await nats.stop();
      for (const runner of runners) await removeEverythingOf(runner);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function isThere(bus: Bus, runner: string): Promise<void> {
  const seen = new AbortController();
  for await (const change of bus.bucket(buckets.runners).watch(seen.signal)) {
    if ("key" in change && change.key === runner) break;
  }
  seen.abort();
}

async function endProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  const killing = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await once(child, "exit");
  clearTimeout(killing);
}
