import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { askEngine } from "./engine-api.ts";

/** An engine that answers. */
export interface Engine {
  /** As in DOCKER_HOST. */
  readonly host: string;
  readonly version: string;
  /** Of its containers, as npm names it: x64, arm64. */
  readonly arch: string;
}

export interface EngineSearch {
  readonly engine: Engine | undefined;
  /** Where nothing answered, and why. */
  readonly tried: readonly string[];
}

export const defaultHost = "unix:///var/run/docker.sock";
const pingTimeoutMs = 2000;

/**
 * The engine to use: the one DOCKER_HOST names and no other; otherwise the docker CLI's current
 * context, the usual sockets, and last the one set-up starts itself.
 */
export async function findEngine(
  ownSocket: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<EngineSearch> {
  const tried: string[] = [];
  for (const host of candidates(ownSocket, env)) {
    try {
      return { engine: await readEngine(host), tried };
    } catch (error) {
      tried.push(`${host}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return { engine: undefined, tried };
}

function candidates(ownSocket: string, env: NodeJS.ProcessEnv): string[] {
  if (env["DOCKER_HOST"]) return [env["DOCKER_HOST"]];
  const context = contextHost(env);
  const sockets = [
    "/var/run/docker.sock",
    ...(env["XDG_RUNTIME_DIR"] ? [join(env["XDG_RUNTIME_DIR"], "docker.sock")] : []),
    join(homedir(), ".docker/run/docker.sock"),
    ownSocket,
  ];
  const present = sockets.filter((socket) => existsSync(socket)).map((path) => `unix://${path}`);
  return [...new Set([...(context ? [context] : []), ...present])];
}

/** The address of the docker CLI's current context, where one was chosen. */
function contextHost(env: NodeJS.ProcessEnv): string | undefined {
  const config = env["DOCKER_CONFIG"] || join(homedir(), ".docker");
  const name = env["DOCKER_CONTEXT"] || readJson(join(config, "config.json"))?.currentContext;
  if (!name || name === "default") return undefined;
  const id = createHash("sha256").update(name).digest("hex");
  return readJson(join(config, "contexts/meta", id, "meta.json"))?.Endpoints?.docker?.Host;
}

interface DockerFiles {
  readonly currentContext?: string;
  readonly Endpoints?: { readonly docker?: { readonly Host?: string } };
}

function readJson(file: string): DockerFiles | undefined {
  if (!existsSync(file)) return undefined;
  return JSON.parse(readFileSync(file, "utf8")) as DockerFiles;
}

async function readEngine(host: string): Promise<Engine> {
  const { status, body } = await askEngine(host, { path: "/version", timeoutMs: pingTimeoutMs });
  if (status !== 200) throw new Error(`answers ${status} to /version`);
  const { Version, Arch } = JSON.parse(body) as { Version: string; Arch: string };
  return { host, version: Version, arch: Arch === "amd64" ? "x64" : Arch };
}
