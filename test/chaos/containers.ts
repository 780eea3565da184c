import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import Docker from "dockerode";
import { signalProcess } from "./program.ts";
import type { Victim } from "./world.ts";

/** @param address `unix:///path`, or what the environment says */
export function engineAt(address: string | undefined): Docker {
  return address?.startsWith("unix://")
    ? new Docker({ socketPath: address.slice("unix://".length) })
    : new Docker();
}

const attemptsOf = (label: string) => ({ label: [label, "pitaya.role=attempt"] });

/** A running container with this label, now or as soon as there is one. */
export async function runningContainer(
  engine: Docker,
  label: string,
  signal: AbortSignal,
): Promise<string> {
  const events = (await engine.getEvents({
    filters: { ...attemptsOf(label), event: ["start"] },
  })) as Readable;
  const stop = () => events.destroy(new Error(`no container with ${label} ran in time`));
  signal.addEventListener("abort", stop, { once: true });
  try {
    const find = async () => (await engine.listContainers({ filters: attemptsOf(label) }))[0]?.Id;
    const there = await find();
    if (there !== undefined) return there;
    for await (const _ of events) {
      const started = await find();
      if (started !== undefined) return started;
    }
    throw new Error(`the engine's events ended before a container with ${label} ran`);
  } finally {
    signal.removeEventListener("abort", stop);
    events.destroy();
  }
}

export const containersOf = async (engine: Docker, label: string): Promise<readonly string[]> =>
  (await engine.listContainers({ filters: attemptsOf(label) })).map(({ Id }) => Id);

/** Whatever is wanted of a container that has ended by itself is no failure. */
async function unlessEnded(what: Promise<unknown>): Promise<void> {
  try {
    await what;
  } catch (error) {
    const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
    if (status !== 404 && status !== 409 && status !== 304 && status !== 500) throw error;
  }
}

export function containerVictim(engine: Docker, id: string): Victim {
  const container = engine.getContainer(id);
  return {
    name: `container ${id.slice(0, 12)}`,
    kill: () => unlessEnded(container.kill({ signal: "SIGKILL" })),
    bringBack: () => undefined,
    freeze: () => unlessEnded(container.pause()),
    thaw: () => unlessEnded(container.unpause()),
  };
}

/** The agent's own process, and nothing else of the container. */
export async function agentVictim(engine: Docker, id: string, program: string): Promise<Victim> {
  const { Processes } = (await engine.getContainer(id).top({ ps_args: "-eo pid,args" })) as {
    readonly Processes: readonly (readonly [string, string])[];
  };
  const found = Processes.find(([, command]) => new RegExp(`(^|[ /])${program} -p`).test(command));
  const pid = Number(found?.[0]);
  return {
    name: found ? `agent, process ${pid}` : `no agent in ${id.slice(0, 12)}`,
    ...signals(found ? [pid] : []),
  };
}

/** The process of the engine that holds the container. */
export async function shimVictim(engine: Docker, id: string): Promise<Victim> {
  const { State } = await engine.getContainer(id).inspect();
  const status = readFileSync(`/proc/${State.Pid}/status`, "utf8");
  const pid = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
  const command = readFileSync(`/proc/${pid}/cmdline`, "utf8");
  if (!command.includes("shim")) throw new Error(`process ${pid} is no shim but ${command}`);
  return { name: `shim ${pid} of container ${id.slice(0, 12)}`, ...signals([pid]) };
}

export function signals(pids: readonly number[]): Omit<Victim, "name"> {
  const send = (name: NodeJS.Signals) => {
    for (const pid of pids) signalProcess(pid, name);
  };
  return {
    kill: () => send("SIGKILL"),
    bringBack: () => undefined,
    freeze: () => send("SIGSTOP"),
    thaw: () => send("SIGCONT"),
  };
}
