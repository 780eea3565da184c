import { devNull } from "node:os";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { simpleGit } from "simple-git";

/** One git process. Nothing is retried and no shell ever sees an argument. */
export interface GitCall {
  /** An existing directory. */
  readonly cwd: string;
  /**
   * The repository, given outright: then git discovers nothing and asks nobody who owns it. Without
   * it git searches upward from `cwd`, which is for the user's own repository only.
   */
  readonly gitDir?: string;
  /**
   * `user`: the user's and the system's git configuration hold (safe.directory, excludesFile,
   * autocrlf …). `none`, the default: neither is read, the same call means the same everywhere.
   */
  readonly config?: "user" | "none";
  /** Standard input, not empty. */
  readonly input?: string | Buffer;
  /** A regular file as standard input, streamed by the kernel: packs never pass through memory here. */
  readonly stdinFile?: string;
  /** Further `-c` settings, `name=value`. */
  readonly settings?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are answers and not failures; default `[0]`. */
  readonly exits?: readonly number[];
  /** More output than this ends the process and the call; default 256 MiB. */
  readonly maxOutputBytes?: number;
  /**
   * Address space the process may use. For work on objects that somebody hostile made: a few bytes
   * can inflate to any size. Not enforced where the system has no such limit (macOS).
   */
  readonly maxMemoryBytes?: number;
  /** Wall clock. Default 10 minutes: large repositories are slow, endless is a fault. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface GitAnswer {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const DEFAULT_MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 600_000;

/** Nothing a repository's configuration names may run, and nothing happens but what was asked. */
const SETTINGS = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.pager=cat",
  "core.quotePath=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.allow=never",
  "submodule.recurse=false",
];

/** So that a limit of memory means what the work needs, and not how many cores or packs there are. */
const FRUGAL = [
  "pack.threads=2",
  "core.packedGitWindowSize=32m",
  "core.packedGitLimit=512m",
  "core.bigFileThreshold=64m",
];

/** What the user's environment may pass on. Above all no GIT_*: inside a hook they name another repository. */
const PASSED_ON = ["PATH", "TMPDIR", "SYSTEMROOT", "DEVELOPER_DIR"] as const;
const PASSED_ON_TO_USER_GIT = ["HOME", "XDG_CONFIG_HOME"] as const;

const GUARDED = {
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_NO_LAZY_FETCH: "1",
  GIT_ALLOW_PROTOCOL: "none",
  GIT_LITERAL_PATHSPECS: "1",
  LC_ALL: "C",
};

/** HOME too: git before 2.32 knows no GIT_CONFIG_GLOBAL. */
const NO_CONFIG = {
  HOME: devNull,
  XDG_CONFIG_HOME: devNull,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: devNull,
  GIT_ATTR_NOSYSTEM: "1",
};

function environmentOf(call: GitCall): Record<string, string> {
  const names =
    call.config === "user"
      ? [...PASSED_ON, ...PASSED_ON_TO_USER_GIT]
      : (PASSED_ON as readonly string[]);
  const inherited: Record<string, string> = {};
  for (const name of names) {
    const value = process.env[name];
    if (value !== undefined) inherited[name] = value;
  }
  return {
    ...inherited,
    ...GUARDED,
    ...(call.config === "user" ? {} : NO_CONFIG),
    ...(call.gitDir === undefined ? {} : { GIT_DIR: call.gitDir }),
    ...call.env,
  };
}

/**
 * simple-git gives a process neither a file as its input nor a limit, so these two go through sh,
 * which becomes git by exec. The script is constant; file and limit travel in the environment.
 */
const LAUNCHER = [
  // biome-ignore lint/suspicious/noTemplateCurlyInString: sh expands these
  'if [ -n "${PITAYA_GIT_KIB-}" ]; then ulimit -v "$PITAYA_GIT_KIB" 2>/dev/null || :; fi',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: sh expands these
  'if [ -n "${PITAYA_GIT_STDIN-}" ]; then exec "$0" "$@" <"$PITAYA_GIT_STDIN"; fi',
  'exec "$0" "$@"',
].join("\n");

/**
 * Runs `git <args>`.
 *
 * @throws {PitayaError} `git_failed` for an exit code not in `exits`, for a process that ran out of
 *   time or wrote too much, and when there is no git; retryable where somebody killed it
 * @throws the signal's reason once it is aborted
 */
export async function runGit(args: readonly string[], call: GitCall): Promise<GitAnswer> {
  call.signal?.throwIfAborted();
  const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const maxOutputBytes = call.maxOutputBytes ?? DEFAULT_MAX_OUTPUT_BYTES;
  const timeout = AbortSignal.timeout(timeoutMs);
  const tooMuch = new AbortController();
  const stops = [timeout, tooMuch.signal, ...(call.signal === undefined ? [] : [call.signal])];

  const launched = call.stdinFile !== undefined || call.maxMemoryBytes !== undefined;
  const environment = environmentOf(call);
  if (call.stdinFile !== undefined) environment["PITAYA_GIT_STDIN"] = call.stdinFile;
  if (call.maxMemoryBytes !== undefined) {
    environment["PITAYA_GIT_KIB"] = String(Math.ceil(call.maxMemoryBytes / 1024));
  }
  const settings = [
    ...SETTINGS,
    ...(call.maxMemoryBytes === undefined ? [] : FRUGAL),
    ...(call.settings ?? []),
  ].flatMap((setting) => ["-c", setting]);
  const command = [...(launched ? [LAUNCHER, "git"] : []), ...settings, ...args];

  const { input } = call;
  let ended: { exitCode: number; stdOut: Buffer[]; stdErr: Buffer[] } | undefined;
  const git = simpleGit({
    baseDir: call.cwd,
    binary: launched ? ["sh", "-c"] : "git",
    abort: AbortSignal.any(stops),
    completion: { onClose: true, onExit: false },
    allowEnvironment: Object.keys(environment),
    // Guards for arguments made of foreign text. Here every option is written in this package, and
    // these are the ones that make git safer.
    unsafe: {
      allowUnsafeHooksPath: true,
      allowUnsafeFsMonitor: true,
      allowUnsafePager: true,
      allowUnsafeProtocolOverride: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeSubmodule: true,
    },
    ...(input === undefined ? {} : { input: () => input }),
    errors(_error, result) {
      ended = result;
      return undefined;
    },
  })
    .env(environment)
    .outputHandler((_command, stdout, stderr) => {
      let bytes = 0;
      const count = (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maxOutputBytes) tooMuch.abort();
      };
      stdout.on("data", count);
      stderr.on("data", count);
      // simple-git waits 50 ms more for a process that said nothing. An empty chunk is saying something.
      stdout.on("end", () => stdout.emit("data", Buffer.alloc(0)));
    });

  await git.raw(command);
  call.signal?.throwIfAborted();
  if (ended === undefined) throw new PitayaError("internal", "simple-git reported no exit of git");
  const stderr = Buffer.concat(ended.stdErr).toString("utf8").trim();
  const what = `git ${args[0]}`;
  if (timeout.aborted) {
    throw new PitayaError("git_failed", `${what} was ended after ${timeoutMs} ms`, {
      details: { ended: "timeout" },
    });
  }
  if (tooMuch.signal.aborted) {
    throw new PitayaError("git_failed", `${what} wrote more than ${maxOutputBytes} bytes`, {
      details: { ended: "output" },
    });
  }
  if (/spawn git ENOENT/.test(stderr) || (launched && ended.exitCode === 127)) throw noGit();
  // What Node gives for a process that a signal ended, whatever simple-git's types say.
  if ((ended.exitCode as number | null) === null) {
    throw new PitayaError("git_failed", `${what} was killed from outside`, { retryable: true });
  }
  if (!(call.exits ?? [0]).includes(ended.exitCode)) {
    const ranOutOfMemory = /out of memory|mmap failed: Cannot allocate/i.test(stderr);
    throw new PitayaError("git_failed", `${what} failed: ${stderr || `exit ${ended.exitCode}`}`, {
      details: { exitCode: ended.exitCode, ...(ranOutOfMemory ? { ended: "memory" } : {}) },
    });
  }
  return { exitCode: ended.exitCode, stdout: Buffer.concat(ended.stdOut), stderr };
}

export const noGit = (): PitayaError =>
  new PitayaError("git_failed", "git was not found on the PATH", {
    hint: "install git 2.30 or newer",
  });

/** Whether a process was ended by one of its limits: time, output, memory. */
export const ranOut = (error: unknown): error is PitayaError =>
  isPitayaError(error, "git_failed") && error.details?.["ended"] !== undefined;

/** Whether git itself found something wrong, as against a limit, the caller, or a bug. */
export const isAnswer = (error: unknown): error is PitayaError =>
  isPitayaError(error, "git_failed") && error.details?.["exitCode"] !== undefined && !ranOut(error);

/** Standard output as text, without the newline at its end. */
export async function gitText(args: readonly string[], call: GitCall): Promise<string> {
  const { stdout } = await runGit(args, call);
  return stdout.toString("utf8").replace(/\n$/, "");
}

/** Standard output as lines; none if there was no output. */
export async function gitLines(args: readonly string[], call: GitCall): Promise<string[]> {
  const text = await gitText(args, call);
  return text === "" ? [] : text.split("\n");
}
