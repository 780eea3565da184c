import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, TestRunner } from "vitest";
import { connectStack, type StackOptions } from "../connect.ts";
import type { StackConnection } from "../connection.ts";
import { takeLock } from "../lock.ts";
import { type ProcessIdentity, processTable } from "../processes.ts";
import { type DownReport, stackDown, stackStatus } from "../stack-commands.ts";
import { locateStack } from "../stack-location.ts";
import type { StackPaths } from "../stack-paths.ts";
import type { StandIn } from "./stand-in-services.ts";

/** A stack of real processes with stand-ins for its services, in a state directory of its own. */
export interface StandInStack {
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;
  readonly paths: StackPaths;
  connect(changes?: Partial<StackOptions>): Promise<StackConnection>;
  down(whenIdle?: boolean): Promise<DownReport>;
  status(): ReturnType<typeof stackStatus>;
  options(changes?: Partial<StackOptions>): StackOptions;
  /** A command in a process of its own, and what it gets. */
  visitor(): { readonly process: ChildProcess; readonly arrived: Promise<Visitor> };
  /** What the stand-ins are from now on. */
  set(standIn: StandIn): void;
  /** What the stand-ins were asked, line by line. */
  calls(): readonly string[];
  /** As recorded now. */
  supervisor(): ProcessIdentity;
  server(): ProcessIdentity;
  /** Every nats-server on this stack's store. */
  servers(): readonly ProcessIdentity[];
  log(): string;
  /** Kills what is left, and removes the directory. */
  remove(): Promise<void>;
}

export interface Visitor {
  readonly pid: number;
  readonly url: string;
  /** Supervisors it has started. */
  readonly starts: number;
  leave(): Promise<void>;
}

const table = processTable();

/** Polls until an assertion holds; the limit is for a machine that does much else. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 30_000 });

export const isGone = async (identity: ProcessIdentity) =>
  eventually(() => table.find(identity.pid)?.startedAt).not.toBe(identity.startedAt);

export function kill(identity: ProcessIdentity, signal: NodeJS.Signals = "SIGKILL"): void {
  if (table.find(identity.pid)?.startedAt === identity.startedAt)
    process.kill(identity.pid, signal);
}

/** @param below part of the state directory's path, to make it long */
export function standInStack(more: NodeJS.ProcessEnv = {}, below = "state"): StandInStack {
  const root = mkdtempSync(join(tmpdir(), "pitaya-stack-"));
  const directory = join(root, below);
  const env: NodeJS.ProcessEnv = {
    PATH: process.env["PATH"],
    HOME: root,
    PITAYA_NATS_SERVER: process.env["PITAYA_NATS_SERVER"],
    PITAYA_CACHE_DIR: process.env["PITAYA_CACHE_DIR"],
    PITAYA_STATE_DIR: directory,
    ...more,
  };
  const { paths } = locateStack(env);
  const entry = join(import.meta.dirname, "main.ts");
  const children = new Set<ChildProcess>();
  const options = (changes: Partial<StackOptions> = {}): StackOptions => ({
    env,
    entry,
    program: { version: "0.1.0", build: "b1" },
    ...changes,
  });
  const recorded = (path: string): ProcessIdentity => {
    const identity: ProcessIdentity | undefined = JSON.parse(readFileSync(path, "utf8")).process;
    // A server that is being started is written down before its process is known.
    if (identity === undefined) throw new Error(`${path} names no process yet`);
    known.push(identity);
    return identity;
  };
  const known: ProcessIdentity[] = [];

  return {
    directory,
    env,
    paths,
    options,
    connect: (changes) => connectStack(options(changes)),
    down: (whenIdle = false) => stackDown({ ...options(), whenIdle }),
    status: () => stackStatus(options()),
    visitor() {
      const args = JSON.stringify({ entry, build: "b1" });
      const child = spawn(
        process.execPath,
        ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "visitor.ts"), args],
        { env, stdio: ["pipe", "pipe", "inherit"] },
      );
      children.add(child);
      const arrive = async (): Promise<Visitor> => {
        const [line] = await once(createInterface(child.stdout), "line");
        return {
          ...(JSON.parse(String(line)) as { pid: number; url: string; starts: number }),
          async leave() {
            child.stdin.end();
            await once(child, "exit");
          },
        };
      };
      return { process: child, arrived: arrive() };
    },
    set(standIn) {
      const file = join(paths.runner, "stand-in.json");
      mkdirSync(paths.runner, { recursive: true, mode: 0o700 });
      writeFileSync(`${file}.new`, JSON.stringify(standIn), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
    calls() {
      const file = join(paths.runner, "calls.log");
      return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
    },
    supervisor: () => recorded(paths.record),
    server: () => recorded(paths.server.record),
    servers: () => serversOf(paths),
    log: () => readFileSync(paths.log, "utf8"),
    async remove() {
      // What its processes did is told nowhere else, and goes with the directory.
      const failed = TestRunner.getCurrentTest()?.result?.state === "fail";
      if (failed && existsSync(paths.log)) console.log(readFileSync(paths.log, "utf8"));
      for (const child of children) child.kill("SIGKILL");
      if (existsSync(paths.record)) recorded(paths.record);
      for (const identity of [...known, ...serversOf(paths)]) {
        kill(identity);
        await isGone(identity);
      }
      for (const identity of serversOf(paths)) kill(identity);
      rmSync(root, { recursive: true, force: true });
      if (paths.socketDirectory) rmSync(paths.socketDirectory, { recursive: true, force: true });
    },
  };
}

/** Of a stack that has ended, or never came up: keys, store and logs stay, and what its locks are on. */
export async function nothingLeft(stack: StandInStack): Promise<void> {
  const { paths } = stack;
  // Its last act, after everything else is gone.
  await eventually(() => freeLock(paths.lock)).toBe(true);
  expect(stack.servers()).toEqual([]);
  const { record, socket, socketDirectory = socket, server } = paths;
  const left = [record, socket, socketDirectory, server.record, server.ports].filter(existsSync);
  expect(left).toEqual([]);
}

function freeLock(path: string): boolean {
  const lock = takeLock(path);
  lock?.release();
  return lock !== undefined;
}

function serversOf(paths: StackPaths): readonly ProcessIdentity[] {
  return table.startedWith(paths.server.config);
}

/** Every path below a directory, itself included. */
export function everyPath(directory: string): readonly string[] {
  const below = readdirSync(directory, { withFileTypes: true, recursive: true });
  return [directory, ...below.map((entry) => join(entry.parentPath, entry.name))];
}
