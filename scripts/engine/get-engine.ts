import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { aptInstall, mayInstall } from "../setup/apt.ts";
import { findPrograms } from "../setup/find-program.ts";
import { withLock } from "../setup/lock.ts";
import type { EngineDirs } from "../setup/places.ts";
import { SetUpError } from "../setup/set-up-error.ts";
import type { Steps } from "../setup/steps.ts";
import { type Engine, findEngine } from "./find-engine.ts";
import { engineLock, startOwnEngine } from "./own-engine.ts";

/** What systemd needs to start an engine that was just installed. */
const serviceStartsWithinMs = 20_000;

/** The engine that answers, else, where that is allowed, one installed and started here. */
export async function findOrStartEngine(dirs: EngineDirs, steps: Steps): Promise<Engine> {
  const first = await findEngine(dirs.socket);
  if (first.engine) return first.engine;
  if (process.env["DOCKER_HOST"]) throw notAnswering(first.tried);
  const program = findPrograms("dockerd")[0];
  const mayStart = process.platform === "linux" && process.getuid?.() === 0;
  if (!mayStart || (!program && !mayInstall())) throw noEngine(first.tried);
  return await withLock(
    engineLock(dirs),
    () => steps.say("Docker engine: another set-up is at it, waiting"),
    () => installAndStart(dirs, steps),
  );
}

async function installAndStart(dirs: EngineDirs, steps: Steps): Promise<Engine> {
  const missing = [
    ...(findPrograms("dockerd").length === 0 ? ["docker.io"] : []),
    ...(findPrograms("iptables").length === 0 ? ["iptables"] : []),
  ];
  if (missing.length > 0 && mayInstall()) {
    await steps.step(`Docker engine: apt-get install ${missing.join(" ")}`, () =>
      aptInstall(missing),
    );
  }
  // Its package has the system's own service started, where there is one.
  const hasServices = existsSync("/run/systemd/system");
  const deadline = Date.now() + (hasServices && missing.length > 0 ? serviceStartsWithinMs : 0);
  for (;;) {
    const { engine } = await findEngine(dirs.socket);
    if (engine) return engine;
    if (Date.now() >= deadline) break;
    await delay(200);
  }
  try {
    await steps.step("Docker engine: starting", () => startOwnEngine(dirs));
  } catch (error) {
    throw new SetUpError(
      `no Docker engine could be started here: ${error instanceof Error ? error.message : error}`,
      "in a container, run it privileged or give it an engine's socket and DOCKER_HOST; elsewhere " +
        "start Docker yourself, see that `docker info` works, and run the command again.",
      { cause: error },
    );
  }
  const { engine, tried } = await findEngine(dirs.socket);
  if (!engine) throw noEngine(tried);
  return engine;
}

function notAnswering(tried: readonly string[]): SetUpError {
  return new SetUpError(
    `the Docker engine that DOCKER_HOST names does not answer: ${tried.join("; ")}`,
    "start it, or unset DOCKER_HOST.",
  );
}

function noEngine(tried: readonly string[]): SetUpError {
  const where = tried.length > 0 ? ` (${tried.join("; ")})` : " (no socket at the usual places)";
  const denied = tried.some((line) => line.includes("EACCES"));
  const install =
    process.platform === "darwin"
      ? "install and start Docker Desktop, or another engine with a docker socket"
      : "install and start Docker Engine (Debian, Ubuntu: sudo apt-get install docker.io)";
  return new SetUpError(
    `no Docker engine answers${where}`,
    denied
      ? "you may not use its socket: sudo usermod -aG docker $USER, and log in again."
      : `${install}, see that \`docker info\` works, and run the command again.`,
  );
}
