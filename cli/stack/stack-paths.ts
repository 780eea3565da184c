import { createHash } from "node:crypto";
import { homedir, tmpdir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";
import { DEFAULT_ENGINE } from "./engine-address.ts";

/** Where everything of one embedded stack is. All of it below `directory`, but for a long socket path. */
export interface StackPaths {
  readonly directory: string;
  /** Held by the supervisor for its life. */
  readonly lock: string;
  /** Held by the cli that is starting a supervisor. */
  readonly startLock: string;
  /** Who the supervisor is: {@link SupervisorRecord}. */
  readonly record: string;
  readonly log: string;
  readonly socket: string;
  /** The directory the socket is in, when it is not `directory`. */
  readonly socketDirectory: string | undefined;
  readonly server: {
    readonly directory: string;
    readonly config: string;
    readonly record: string;
    readonly log: string;
    readonly ports: string;
    readonly store: string;
  };
  readonly runner: string;
}

/** Socket addresses end at 104 bytes on macOS and 108 on Linux, the closing zero included. */
const MAX_SOCKET_PATH_BYTES = 100;

/** `--state-dir`, else the environment, else the user's own state directory. */
export function stateDirectory(env: NodeJS.ProcessEnv, flag?: string): string {
  if (flag) return resolve(flag);
  if (env["PITAYA_STATE_DIR"]) return resolve(env["PITAYA_STATE_DIR"]);
  const xdg = env["XDG_STATE_HOME"];
  // The XDG specification tells to ignore a relative path.
  if (xdg && isAbsolute(xdg)) return join(xdg, "pitaya");
  return join(env["HOME"] || homedir(), ".local", "state", "pitaya");
}

/** The default engine's stack is the state directory itself; other engines have theirs below it. */
export function stackDirectory(stateDir: string, engine: string): string {
  return engine === DEFAULT_ENGINE ? stateDir : join(stateDir, "stacks", digest(engine, 12));
}

export function stackPaths(directory: string, env: NodeJS.ProcessEnv): StackPaths {
  const server = join(directory, "nats");
  return {
    directory,
    lock: join(directory, "supervisor.lock"),
    startLock: join(directory, "start.lock"),
    record: join(directory, "supervisor.json"),
    log: join(directory, "supervisor.log"),
    ...socketPlace(directory, env),
    server: {
      directory: server,
      config: join(server, "nats-server.conf"),
      record: join(server, "server.json"),
      log: join(server, "nats.log"),
      ports: join(server, "ports"),
      store: join(server, "store"),
    },
    runner: join(directory, "runner"),
  };
}

function socketPlace(
  directory: string,
  env: NodeJS.ProcessEnv,
): Pick<StackPaths, "socket" | "socketDirectory"> {
  const plain = join(directory, "supervisor.sock");
  if (fits(plain)) return { socket: plain, socketDirectory: undefined };
  const name = `pitaya-${process.getuid?.() ?? 0}-${digest(directory, 12)}`;
  const parents = [env["XDG_RUNTIME_DIR"], tmpdir(), "/tmp"];
  const places = parents.flatMap((parent) => (parent ? [join(parent, name)] : []));
  const place = places.find((dir) => fits(join(dir, "s"))) ?? join("/tmp", name);
  return { socket: join(place, "s"), socketDirectory: place };
}

const fits = (path: string) => Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES;

const digest = (text: string, hexDigits: number) =>
  createHash("sha256").update(text).digest("hex").slice(0, hexDigits);
