import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { cacheDir } from "../boot/cache-dir.mjs";

/** Directories that set-up reads and writes. */
export interface Places {
  /** The clone. */
  readonly root: string;
  /** For all clones of this user: tools, nats-server, agent CLIs. */
  readonly cache: string;
  /** Of this clone: what set-up found, and marks of what it did. Goes with node_modules. */
  readonly state: string;
  readonly dist: string;
  readonly engine: EngineDirs;
}

/** Of the engine that set-up itself starts. One for the machine: it is started as root only. */
export interface EngineDirs {
  readonly data: string;
  readonly log: string;
  /** Short, since socket paths end at about a hundred characters. */
  readonly run: string;
  readonly socket: string;
}

export function places(env: NodeJS.ProcessEnv): Places {
  const root = resolve(import.meta.dirname, "../..");
  return {
    root,
    cache: resolve(cacheDir(env)),
    state: join(root, "node_modules", ".pitaya"),
    dist: join(root, "dist"),
    engine: engineDirs(env["PITAYA_ENGINE_DIR"]),
  };
}

/** @param elsewhere set to have a second engine on one machine, in a network namespace of its own */
function engineDirs(elsewhere: string | undefined): EngineDirs {
  const state = resolve(elsewhere ?? "/var/lib/pitaya/engine");
  const suffix = elsewhere
    ? `-${createHash("sha256").update(state).digest("hex").slice(0, 8)}`
    : "";
  const run = `/run/pitaya${suffix}`;
  return {
    data: join(state, "data"),
    log: join(state, "dockerd.log"),
    run,
    socket: join(run, "docker.sock"),
  };
}
