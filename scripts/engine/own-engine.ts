import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { findPrograms } from "../setup/find-program.ts";
import type { EngineDirs } from "../setup/places.ts";
import { askEngine } from "./engine-api.ts";
import { runningPid } from "./process-table.ts";

const readyWithinMs = 30_000;
const stopWithinMs = 30_000;
const lookEveryMs = 50;

/**
 * Starts an engine that outlives set-up and the terminal, with directories of its own. Never beside
 * a living one: two in one network namespace hand out the same addresses.
 *
 * @throws Error with the end of its log, when it does not come up
 */
export async function startOwnEngine(dirs: EngineDirs): Promise<void> {
  const [dockerd] = findPrograms("dockerd");
  if (!dockerd) throw new Error("there is no dockerd on PATH");
  const pidFile = join(dirs.run, "docker.pid");
  if (runningPid(pidFile, "dockerd") !== undefined) return await untilReady(dirs, () => undefined);
  mkdirSync(dirs.run, { recursive: true, mode: 0o711 });
  mkdirSync(dirs.data, { recursive: true });
  // Left by an engine that was killed: dockerd takes the numbers in them at their word.
  rmSync(pidFile, { force: true });
  const containerdPid = join(dirs.run, "exec/containerd/containerd.pid");
  if (runningPid(containerdPid, "containerd") === undefined) rmSync(containerdPid, { force: true });
  const log = openSync(dirs.log, "w", 0o600);
  const child = spawn(
    dockerd,
    [
      ["--data-root", dirs.data],
      ["--exec-root", join(dirs.run, "exec")],
      ["-H", `unix://${dirs.socket}`],
      ["--pidfile", pidFile],
    ].flat(),
    { detached: true, stdio: ["ignore", log, log], cwd: "/" },
  );
  closeSync(log);
  let ended: string | undefined;
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("exit", (code, signal) => {
    ended = `ended with ${code ?? signal}`;
  });
  child.unref();
  await untilReady(dirs, () => ended);
}

async function untilReady(dirs: EngineDirs, ended: () => string | undefined): Promise<void> {
  const deadline = Date.now() + readyWithinMs;
  while (Date.now() < deadline) {
    if (await answers(dirs)) return;
    const how = ended();
    if (how) throw new Error(`dockerd ${how}. The end of ${dirs.log}:\n${logTail(dirs)}`);
    await delay(lookEveryMs);
  }
  throw new Error(
    `dockerd does not answer after ${readyWithinMs / 1000} s. The end of ${dirs.log}:\n${logTail(dirs)}`,
  );
}

async function answers(dirs: EngineDirs): Promise<boolean> {
  try {
    const ask = { path: "/_ping", timeoutMs: 2000 };
    return (await askEngine(`unix://${dirs.socket}`, ask)).status === 200;
  } catch {
    return false;
  }
}

function logTail(dirs: EngineDirs): string {
  return readFileSync(dirs.log, "utf8").trimEnd().split("\n").slice(-15).join("\n");
}

/** Its process number, while it runs. */
export function ownEnginePid(dirs: EngineDirs): number | undefined {
  return runningPid(join(dirs.run, "docker.pid"), "dockerd");
}

/** @returns false when it does not run; @throws Error when it does not end */
export async function stopOwnEngine(dirs: EngineDirs): Promise<boolean> {
  const pid = ownEnginePid(dirs);
  if (pid === undefined) return false;
  process.kill(pid, "SIGTERM");
  const deadline = Date.now() + stopWithinMs;
  while (ownEnginePid(dirs) === pid) {
    if (Date.now() > deadline) throw new Error(`dockerd (${pid}) did not end, see ${dirs.log}`);
    await delay(lookEveryMs);
  }
  return true;
}

/** The file whose lock keeps two set-ups from installing or starting an engine at once. */
export function engineLock(dirs: EngineDirs): string {
  return join(dirname(dirs.run), "pitaya-engine.lock");
}
