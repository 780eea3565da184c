import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decode, natsBus } from "@pitaya/bus";
import { buckets, RunnerLiveness, subjects } from "@pitaya/protocol";
import { startNatsProcess } from "../support/nats.ts";
import { person } from "../support/pitaya.ts";
import { commandsOf } from "./commands.ts";
import { LEASE_MS } from "./plan.rules.ts";
import { isAlive, type Program, program, signalProcess } from "./program.ts";
import { watchRuns } from "./run-watch.ts";
import { type Story, tellEvent } from "./story.ts";
import { together } from "./together.ts";
import type { Victim, World } from "./world.ts";

const path = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const COORDINATOR = path("../support/strategies/coordinator.ts");
const PITAYA = path("../support/strategies/pitaya.ts");
const RUNNER_AGENT = path("../../services/runner-agent/main.ts");

export interface FleetOptions {
  readonly story: () => Story;
  /** Settings of the user's, as environment variables. */
  readonly userEnv: Readonly<Record<string, string>>;
  readonly engine: string | undefined;
  /** The engine itself, where it is this world's own. */
  readonly struckEngine?: Victim;
}

const COORDINATORS = ["c1", "c2"] as const;
const SLOTS = 3;
/** In the command line of a warden; a runner-agent has git for a child too. */
const WARDEN = "warden/main.ts";

/** Two coordinators and two runner-agents with their wardens, each a program of its own, on one bus. */
export async function fleetWorld(options: FleetOptions): Promise<World> {
  const { story, userEnv, engine, struckEngine } = options;
  const nonce = randomBytes(3).toString("hex");
  const directory = await mkdtemp(join(tmpdir(), "pitaya-chaos-fleet-"));
  const runnerIds = ["a", "b"].map((name) => `chaos-${nonce}-${name}`);
  const nats = await startNatsProcess({
    users: [
      { role: "admin", id: "admin" },
      ...COORDINATORS.map((id) => ({ role: "coordinator", id }) as const),
      ...runnerIds.map((id) => ({ role: "runner", id }) as const),
      { role: "cli", id: "u1" },
      { role: "cli", id: "watcher" },
    ],
  });
  const credential = async (id: string) => {
    const file = join(directory, `${id}.json`);
    await writeFile(file, JSON.stringify(nats.user(id)), { mode: 0o600 });
    return file;
  };
  const common = {
    PATH: process.env["PATH"],
    PITAYA_NATS_URL: nats.url,
    PITAYA_LEASE__COORDINATOR_MS: String(LEASE_MS),
    PITAYA_LEASE__RUNNER_MS: String(LEASE_MS),
    PITAYA_LOGGING__LEVEL: process.env["LOG"] ?? "info",
  };
  const logs: string[] = [];
  const logOf = (name: string) => {
    const file = join(directory, `${name}.log`);
    logs.push(file);
    return file;
  };
  const adminFile = await credential("admin");

  const coordinators: Program[] = [];
  for (const id of COORDINATORS) {
    const env = {
      ...common,
      PITAYA_NATS__CREDS: await credential(id),
      ...(id === "c1" && { PITAYA_NATS__ADMIN_CREDS: adminFile }),
    };
    const name = `coordinator ${id}`;
    const logFile = logOf(`coordinator-${id}`);
    coordinators.push(program({ name, args: [COORDINATOR], env, cwd: directory, logFile }));
  }
  const runners: { readonly id: string; readonly stateDir: string; readonly agent: Program }[] = [];
  for (const id of runnerIds) {
    const stateDir = join(directory, `state-${id}`);
    await mkdir(stateDir);
    const env = {
      ...common,
      DOCKER_HOST: engine,
      PITAYA_NATS__CREDS: await credential(id),
      PITAYA_RUNNER__STATE_DIR: stateDir,
      PITAYA_RUNNER__SLOTS: String(SLOTS),
      PITAYA_RUNNER__HELPER_IMAGE: userEnv["PITAYA_RUNNER__DOCKER_IMAGE"],
    };
    const name = `runner-agent ${id}`;
    const logFile = logOf(`runner-agent-${id}`);
    runners.push({
      id,
      stateDir,
      agent: program({ name, args: [RUNNER_AGENT], env, cwd: directory, logFile }),
    });
  }

  const [first, ...others] = coordinators;
  first?.start();
  const watcher = nats.user("watcher");
  const bus = await natsBus({ servers: nats.url, name: "watcher", user: watcher });
  await streamsThere();
  for (const other of others) other.start();
  for (const { agent } of runners) agent.start();
  const watch = watchRuns((seen) => tellEvent(story(), seen));
  await watch.follow(bus);
  const user = await person({
    ...userEnv,
    PITAYA_NATS_URL: nats.url,
    PITAYA_NATS__CREDS: await credential("u1"),
  });
  const commands = commandsOf(user, PITAYA);
  /** Incarnations of runner-agents that were killed: their leases may stand for a moment. */
  const killed = new Set<string>();
  /** Every warden there was: what must be gone in the end. */
  const wardens = new Set<number>();

  /** The first coordinator makes the streams. */
  async function streamsThere(): Promise<void> {
    const ended = first?.ended().then((how) => {
      throw new Error(`the coordinator ended with ${how} before the streams were there`);
    });
    const there = async () => {
      for (;;) {
        try {
          await bus.events.last(subjects.decision.of({ run: "none" }));
          return;
        } catch {
          await new Promise((done) => setTimeout(done, 50));
        }
      }
    };
    ended?.catch(() => undefined);
    await Promise.race([there(), ended]);
  }

  async function liveRunners(): Promise<readonly RunnerLiveness[]> {
    const entries = await bus.bucket(buckets.runners).entries();
    return entries
      .filter(({ key }) => runnerIds.includes(key))
      .map(({ value }) => decode(RunnerLiveness, value, "liveness"))
      .filter(({ incarnation }) => !killed.has(incarnation));
  }

  function programOf(target: string, runner: string | undefined): Program {
    const found =
      target === "coordinator"
        ? (coordinators.find(({ name }) => name === `coordinator ${watch.decider}`) ?? first)
        : runners.find(({ id }) => id === (runner ?? runnerIds[0]))?.agent;
    if (found === undefined) throw new Error(`there is no ${target} here`);
    return found;
  }

  function natsVictim(): Victim {
    const signal = (name: NodeJS.Signals) => void signalProcess(nats.pid(), name);
    return {
      name: "nats-server",
      kill: () => nats.kill9(),
      bringBack: () => nats.start(),
      freeze: () => signal("SIGSTOP"),
      thaw: () => signal("SIGCONT"),
    };
  }

  const processVictim = (of: Program): Victim => ({
    name: of.name,
    kill: () => of.signal("SIGKILL"),
    async bringBack() {
      await of.ended();
      const id = runners.find(({ agent }) => agent === of)?.id;
      for (const { runner, incarnation } of id === undefined ? [] : await liveRunners()) {
        if (runner === id) killed.add(incarnation);
      }
      of.start();
    },
    freeze: () => of.signal("SIGSTOP"),
    thaw: () => of.signal("SIGCONT"),
  });

  function wardenVictim(of: Program): Victim {
    const pids = of.children(WARDEN);
    const signal = (name: NodeJS.Signals) => {
      for (const pid of pids) signalProcess(pid, name);
    };
    return {
      name: `warden of ${of.name}`,
      kill: () => signal("SIGKILL"),
      bringBack: () => undefined,
      freeze: () => signal("SIGSTOP"),
      thaw: () => signal("SIGCONT"),
    };
  }

  const noteWardens = () => {
    for (const { agent } of runners) for (const pid of agent.children(WARDEN)) wardens.add(pid);
  };

  return {
    kind: "fleet",
    watch,
    runners,
    engine,
    logs,
    pitaya: commands.start,
    async victim(target, runner) {
      noteWardens();
      if (target === "engine" && struckEngine) return struckEngine;
      if (target === "nats-server") return natsVictim();
      if (target === "every coordinator") return together(target, coordinators.map(processVictim));
      const of = programOf(target, runner);
      return target === "warden" ? wardenVictim(of) : processVictim(of);
    },
    async whole() {
      for (;;) {
        if ((await liveRunners()).length === runnerIds.length) break;
        await new Promise((done) => setTimeout(done, 50));
      }
      noteWardens();
    },
    async close() {
      await commands.end();
      noteWardens();
      watch.stop();
      for (const { agent } of runners) await agent.stop();
      for (const coordinator of coordinators) await coordinator.stop();
      await bus.close();
      await user.leave();
      await nats.stop();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
      return [...wardens].filter(isAlive).map((pid) => `warden, process ${pid}`);
    },
  };
}
