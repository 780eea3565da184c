import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import Docker from "dockerode";
import { childrenOf, isAlive, signalProcess } from "./program.ts";
import type { Victim } from "./world.ts";

/** An engine that nobody else uses, so that it can be killed. */
export interface OwnEngine {
  /** `unix:///path` */
  readonly address: string;
  readonly victim: Victim;
  stop(): Promise<void>;
}

const READY_MS = 60_000;
const STOP_MS = 20_000;

/**
 * Starts an engine with directories of its own, in a network of its own, since two in one hand out the
 * same addresses, and with mounts of its own, which go with it. Needs root.
 *
 * @param images that it has from the start, taken from the engine of the environment
 * @param logFile of all its lives, one after the other
 */
export async function startOwnEngine(
  images: readonly string[],
  logFile: string,
): Promise<OwnEngine> {
  const directory = await mkdtemp(join(tmpdir(), "pitaya-engine-"));
  const socket = join(directory, "docker.sock");
  const engine = new Docker({ socketPath: socket });
  // Keeps network and mounts when the engine is killed; containers that go on are in them.
  const network = spawn("unshare", ["--net", "--mount", "sleep", "infinity"], { stdio: "ignore" });
  await once(network, "spawn");
  let daemon: ChildProcess | undefined;

  async function start(): Promise<void> {
    // What is in them would be taken at its word.
    for (const file of ["docker.pid", "exec/containerd/containerd.pid"]) {
      await rm(join(directory, file), { force: true });
    }
    const log = openSync(logFile, "a");
    const began = spawn(
      "nsenter",
      [
        ...["--target", String(network.pid), "--net", "--mount", "dockerd"],
        ...["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec")],
        ...["--host", `unix://${socket}`, "--pidfile", join(directory, "docker.pid")],
      ],
      { stdio: ["ignore", log, log] },
    );
    closeSync(log);
    daemon = began;
    const deadline = performance.now() + READY_MS;
    while (!(await answers(engine))) {
      if (began.exitCode !== null || performance.now() > deadline) {
        throw new Error(`the engine does not come up, see ${logFile}`);
      }
      await delay(50);
    }
  }

  async function stop(): Promise<void> {
    if (daemon !== undefined && daemon.exitCode === null && daemon.signalCode === null) {
      const ended = once(daemon, "exit");
      daemon.kill("SIGCONT");
      daemon.kill("SIGTERM");
      const overdue = setTimeout(() => daemon?.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(overdue);
    }
    await endLeft(directory, "");
    network.kill("SIGKILL");
    await rm(directory, { recursive: true, force: true, maxRetries: 10 });
  }

  try {
    await start();
    for (const image of images) {
      const saved = await new Docker().getImage(image).get();
      const loading = await engine.loadImage(saved);
      await new Promise<void>((resolve, reject) => {
        engine.modem.followProgress(loading, (error) => (error ? reject(error) : resolve()));
      });
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    address: `unix://${socket}`,
    victim: {
      name: "engine",
      async kill() {
        const ended = daemon && once(daemon, "exit");
        daemon?.kill("SIGKILL");
        await ended;
        // It ends with the engine, but not at once.
        await endLeft(directory, "containerd --config");
      },
      bringBack: start,
      freeze: () => void daemon?.kill("SIGSTOP"),
      thaw: () => void daemon?.kill("SIGCONT"),
    },
    stop,
  };
}

async function answers(engine: Docker): Promise<boolean> {
  try {
    await engine.ping();
    return true;
  } catch {
    return false;
  }
}

/** Ends processes of this engine that name `what` among their arguments, and those they hold. */
async function endLeft(directory: string, what: string): Promise<void> {
  for (const name of await readdir("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    const args = command.replaceAll("\0", " ");
    if (!args.includes(directory) || !args.includes(what)) continue;
    for (const child of what === "" ? childrenOf(pid) : []) signalProcess(child, "SIGKILL");
    signalProcess(pid, "SIGKILL");
    while (isAlive(pid)) await delay(10);
  }
}
