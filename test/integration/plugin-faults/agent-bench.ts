import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { answer, type Bus, decode, sealer } from "@pitaya/bus";
import type { AgentPlugin } from "@pitaya/plugins";
import {
  buckets,
  DEFAULT_LIMITS,
  type FactOf,
  RunnerAbout,
  type SessionSnapshot,
  subjects,
  type TaskLimits,
  type TaskSpec,
} from "@pitaya/protocol";
import {
  baseRepository,
  dockerExecutor,
  ownHosts,
  RUN,
  RUNNER,
  runnerHarness,
} from "@pitaya/runner-agent/testing/harness";
import Docker from "dockerode";
import { removeRunner } from "../../support/engine.ts";
import { type ModelServer, startModelServer } from "../../support/model-server/model-server.ts";

/** Agents that run at once: each takes a core for as long as it starts. */
const SLOTS = 3;

/** The image the agents are in; another one while it is worked on. */
export const AGENTS_IMAGE = process.env["PITAYA_AGENTS_IMAGE"] ?? "pitaya-agents:latest";

/** An agent that is no longer silent than this has not stalled, on a machine however slow. */
const LIMITS: TaskLimits = {
  ...DEFAULT_LIMITS,
  cpus: 1,
  memoryBytes: 2 * 1024 ** 3,
  stallTimeoutMs: 120_000,
  timeoutMs: 170_000,
};

export type Ended = FactOf<"attempt.succeeded"> | FactOf<"attempt.failed">;

export interface BenchedAttempt {
  /** Names it, and its requests at the model server. */
  readonly key: string;
  readonly plugin: AgentPlugin;
  /** Address of the provider. */
  readonly baseUrl: string;
  readonly agent?: Partial<TaskSpec["agent"]>;
  readonly task?: Partial<Omit<TaskSpec, "agent" | "limits">>;
  readonly limits?: Partial<TaskLimits>;
  readonly snapshot?: SessionSnapshot;
  /** What is called instead of the CLI itself: it gets the CLI's own command line. */
  readonly around?: (argv: readonly string[]) => readonly string[];
}

/**
 * A runner-agent as it is, on the real engine, with a bus in memory and no coordinator: an attempt of
 * a real agent CLI costs a container and nothing else.
 */
export interface AgentBench {
  readonly model: ModelServer;
  readonly bus: Bus;
  /** Resolves with the attempt's last fact. */
  attempt(attempt: BenchedAttempt): Promise<Ended>;
  /** Leaves nothing. */
  close(): Promise<void>;
}

/** @param secrets what agents are given under the names of their credentials */
export async function agentBench(
  secrets: Readonly<Record<string, string>>,
  { finalGraceMs = 10_000 } = {},
): Promise<AgentBench> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-bench-"));
  const runnerId = `bench-${randomBytes(4).toString("hex")}`;
  const model = await startModelServer({ host: "0.0.0.0", port: 0 });
  const plugins = new Map<string, AgentPlugin>();
  const harness = await runnerHarness({
    executor: await dockerExecutor({ runnerId, helperImage: AGENTS_IMAGE, bus: [] }),
    base: await baseRepository(dir),
    findPlugin: (name) => plugins.get(name),
    ownHosts,
    settings: {
      slots: SLOTS,
      leaseMs: 60_000,
      hostEndpoints: "as-tasks-ask",
      limits: {
        finalGraceMs,
        killGraceMs: 5_000,
        harvestTimeoutMs: 60_000,
        collectTimeoutMs: 60_000,
        goneTimeoutMs: 60_000,
        pauseMaxMs: 600_000,
      },
    },
  });
  holdSecrets(harness.bus, secrets);
  await harness.start();

  return {
    model,
    bus: harness.bus,
    async attempt({ key, plugin, baseUrl, agent, task, limits, snapshot, around }) {
      plugins.set(key, around === undefined ? plugin : calledBy(plugin, around));
      await harness.order(key, {
        task: {
          prompt: { inline: "Add a greeting." },
          agent: {
            plugin: key,
            image: AGENTS_IMAGE,
            cliArgs: [],
            credentials: Object.keys(secrets),
            baseUrl,
            ...agent,
          },
          limits: { ...LIMITS, ...limits },
          ...task,
        },
        ...(snapshot && { snapshot }),
      });
      return Promise.race([
        harness.fact("attempt.succeeded", key),
        harness.fact("attempt.failed", key),
      ]);
    },
    async close() {
      await harness.close();
      await model.close();
      await removeRunner(runnerId, new Docker());
      await rm(dir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const calledBy = (
  plugin: AgentPlugin,
  around: (argv: readonly string[]) => readonly string[],
): AgentPlugin => ({
  ...plugin,
  command(task) {
    const call = plugin.command(task);
    return { ...call, argv: around(call.argv) };
  },
});

/** As the coordinator does. */
function holdSecrets(bus: Bus, values: Readonly<Record<string, string>>): void {
  const own = sealer();
  const subject = subjects.api.of({ verb: "runner-secret" });
  answer(bus, "runner-secret", [subject], { epoch: () => 1 }, async () => {
    const entry = await bus.bucket(buckets.runners).get(`${RUNNER}.about`);
    if (entry === undefined) throw new Error("the runner has not told of itself");
    const about = decode(RunnerAbout, entry.value, "about");
    return { secrets: own.seal(about.curveKey, { v: 1, run: RUN, values: { ...values } }) };
  });
}
