import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { testGit } from "@pitaya/git/testing";
import { forgetRunner } from "./engine.ts";

const LAUNCHER = fileURLToPath(new URL("../../cli/bin/pitaya.mjs", import.meta.url));

export interface Finished {
  /** 128 + the signal's number when a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command under way, as a person at a terminal has it. */
export interface Running {
  readonly process: ChildProcess;
  /** Everything on stderr and stdout so far. */
  readonly output: () => string;
  /** Settles when the pattern has appeared in its output; rejects when it ends without. */
  saw(pattern: RegExp): Promise<RegExpExecArray>;
  readonly finished: Promise<Finished>;
}

export interface Surroundings {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** On its standard input, which ends then. */
  readonly input?: string;
  /** Another program in place of the command. */
  readonly program?: string;
}

/** A user of this machine: a home, a state directory, and the command in the path. */
export interface Person {
  readonly stateDir: string;
  start(args: readonly string[], options: Surroundings): Running;
  run(args: readonly string[], options: Surroundings): Promise<Finished>;
  /** Ends this person's stack and removes what it kept. */
  leave(): Promise<void>;
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** @param more environment of every command, such as an address of another stack */
export async function person(more: Record<string, string> = {}): Promise<Person> {
  const home = await mkdtemp(join(tmpdir(), "pitaya-e2e-"));
  const stateDir = join(home, "state");
  // What a test process carries of credentials or of another stack must not reach the command.
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(ANTHROPIC|CLAUDE|CODEX)_|_(API_KEY|BASE_URL)$|^PITAYA_(NATS_URL|STATE_DIR)$|^NODE_OPTIONS$/.test(
        name,
      ),
  );
  const base = Object.fromEntries(inherited) as Record<string, string>;

  function start(args: readonly string[], options: Surroundings): Running {
    const child = spawn(process.execPath, [options.program ?? LAUNCHER, ...args], {
      cwd: options.cwd,
      env: { ...base, CI: "1", PITAYA_STATE_DIR: stateDir, ...more, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    // One that does not read it all says why in its own words.
    child.stdin.on("error", () => undefined).end(options.input);
    let stdout = "";
    let stderr = "";
    const watchers = new Set<() => void>();
    const take = (add: (text: string) => void) => (chunk: Buffer) => {
      add(chunk.toString());
      for (const look of watchers) look();
    };
    child.stdout.on(
      "data",
      take((text) => (stdout += text)),
    );
    child.stderr.on(
      "data",
      take((text) => (stderr += text)),
    );
    const finished = once(child, "close").then(([code, signal]) => ({
      code: (code as number | null) ?? 128 + (SIGNALS[signal as string] ?? 0),
      stdout,
      stderr,
    }));
    const output = () => stderr + stdout;
    return {
      process: child,
      output,
      finished,
      saw: (pattern) =>
        new Promise((resolve, reject) => {
          const look = () => {
            const found = pattern.exec(output());
            if (!found) return;
            watchers.delete(look);
            resolve(found);
          };
          watchers.add(look);
          look();
          void finished.then(({ code }) => {
            look();
            if (watchers.delete(look))
              reject(new Error(`exit ${code} without ${pattern}:\n${output()}`));
          });
        }),
    };
  }

  return {
    stateDir,
    start,
    run: (args, options) => start(args, options).finished,
    async leave() {
      const down = await start(["down"], { cwd: home }).finished;
      for (const runner of await runnersOf(stateDir)) await forgetRunner(runner);
      await rm(home, { recursive: true, force: true, maxRetries: 5 });
      if (down.code !== 0) throw new Error(`pitaya down: exit ${down.code}\n${down.stderr}`);
    },
  };
}

/** Processes that this person's commands started and that still run: pid and command line. */
export async function processesOf(
  user: Person,
): Promise<readonly { readonly pid: number; readonly command: string }[]> {
  const found: { pid: number; command: string }[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (!environment.includes(`PITAYA_STATE_DIR=${user.stateDir}\0`)) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
    if (command !== "")
      found.push({ pid: Number(pid), command: command.replaceAll("\0", " ").trim() });
  }
  return found;
}

/** Ids of the runners that a stack below this directory has had. */
export async function runnersOf(stateDir: string): Promise<string[]> {
  const files = await readdir(stateDir, { recursive: true }).catch(() => []);
  return files.flatMap((file) => /(?:^|\/)runner-([a-z0-9-]+)\.json$/.exec(file)?.[1] ?? []);
}

/** A small repository with one commit on main. */
export async function smallRepository(parent = tmpdir()): Promise<string> {
  const dir = await mkdtemp(join(parent, "pitaya-repo-"));
  await testGit(dir, ["init", "--quiet", "--initial-branch=main"]);
  await testGit(dir, ["commit", "--quiet", "--allow-empty", "--message=first"]);
  return dir;
}

export const RUN_ID = /run_\d{8}_\d{6}_[0-9a-f]{8}/;

export const branchesOf = async (repository: string): Promise<string[]> => {
  const refs = await testGit(repository, [
    "for-each-ref",
    "--format=%(refname:short)",
    "refs/heads/pitaya",
  ]);
  return refs.split("\n").filter(Boolean);
};

/** What a run left in the repository's own folder. */
export const resultOf = async (repository: string, run: string, file: string): Promise<string> =>
  readFile(join(repository, ".pitaya", "results", run, file), "utf8");

/** Lines of `--json`. @throws when stdout holds anything else */
export const jsonLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));

/** The runs that these lines of `--json` are of. */
export const runsIn = (lines: readonly Record<string, unknown>[]): string[] => [
  ...new Set(lines.map((line) => String(line["run_id"]))),
];
