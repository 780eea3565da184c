import { execFile } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { MIN_SERVER_VERSION, PitayaError } from "@pitaya/protocol";

export interface NatsBinary {
  readonly path: string;
  readonly version: string;
}

/**
 * A nats-server that is new enough: the one `PITAYA_NATS_SERVER` names, else what set-up kept, else
 * the first on PATH.
 *
 * @throws `server_missing`, `server_too_old`
 */
export async function findNatsServer(env: NodeJS.ProcessEnv): Promise<NatsBinary> {
  const named = env["PITAYA_NATS_SERVER"];
  const candidates = named ? [named] : [cached(env), ...onPath(env)];
  const tooOld: NatsBinary[] = [];
  for (const path of candidates) {
    const version = await versionOf(path);
    if (version === undefined) continue;
    if (isNewEnough(version)) return { path, version };
    tooOld.push({ path, version });
  }
  const [old] = tooOld;
  if (old) {
    throw new PitayaError(
      "server_too_old",
      `${old.path} is nats-server ${old.version}; Pitaya needs ${MIN_SERVER_VERSION} or newer, since older ones silently ignore settings it relies on`,
      { hint: HOW_TO_GET_ONE },
    );
  }
  throw new PitayaError(
    "server_missing",
    named
      ? `PITAYA_NATS_SERVER names ${named}, which is no nats-server that runs here`
      : "no nats-server was found: not on PATH, and set-up has kept none",
    { hint: HOW_TO_GET_ONE },
  );
}

const HOW_TO_GET_ONE = `install nats-server ${MIN_SERVER_VERSION} or newer on PATH (macOS: brew install nats-server; elsewhere from its releases), or name its path in PITAYA_NATS_SERVER; "npm run setup" in a clone fetches one where it can`;

/** Where `scripts/setup` keeps the one it fetched. */
function cached(env: NodeJS.ProcessEnv): string {
  const cache = env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache");
  return join(env["PITAYA_CACHE_DIR"] || join(cache, "pitaya"), "tools", "nats-server");
}

function onPath(env: NodeJS.ProcessEnv): string[] {
  const directories = (env["PATH"] ?? "").split(delimiter).filter((dir) => dir !== "");
  return directories.map((dir) => join(dir, "nats-server"));
}

async function versionOf(path: string): Promise<string | undefined> {
  try {
    accessSync(path, constants.X_OK);
    const { stdout } = await promisify(execFile)(path, ["--version"], { timeout: 10_000 });
    return /v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1];
  } catch {
    // Not there, not a program of this machine, or not nats-server: the next place is looked at.
    return undefined;
  }
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = MIN_SERVER_VERSION.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
