import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";
import { openLog, tailOf } from "./log-file.ts";
import type { NatsBinary } from "./nats-binary.ts";
import { readJson, writePrivateJson } from "./private-files.ts";
import {
  endProcess,
  isAlive,
  ProcessIdentity,
  type ProcessTable,
  processTable,
} from "./processes.ts";
import type { StackPaths } from "./stack-paths.ts";

/** Written before the server is started and again once its process is known; removed after it ended. */
const ServerRecord = z.object({
  /** The server's name, which is among its arguments. */
  name: z.string().max(100),
  program: z.string().max(4_096),
  port: z.int().min(1).max(65_535).optional(),
  process: ProcessIdentity.optional(),
});
type ServerRecord = z.infer<typeof ServerRecord>;

const Ports = z.object({ nats: z.tuple([z.url()], z.url()) });

export interface NatsProcess {
  readonly port: number;
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  /** Asked, then killed. */
  stop(): Promise<void>;
}

/** The store may have to be read back first. */
const START_TIMEOUT_MS = 60_000;
const ASKED_MS = 5_000;
const KILLED_MS = 5_000;

/**
 * Ends the nats-server that an earlier supervisor left behind when it was killed: two on one store
 * would destroy it. Only called with the supervisor's lock held.
 *
 * @returns the port it had, if that is known
 * @throws `stack_failed` if it cannot be ended
 */
export async function endLeftServer(
  paths: StackPaths,
  table: ProcessTable = processTable(),
): Promise<number | undefined> {
  const record = readJson(paths.server.record, ServerRecord);
  if (record === undefined) return undefined;
  for (const left of leftProcesses(record, paths, table)) {
    await endProcess(table, left, { askedMs: ASKED_MS, killedMs: KILLED_MS });
  }
  return record === "unreadable" ? undefined : record.port;
}

/** Whether a supervisor that was killed has left its server running. */
export function hasLeftServer(paths: StackPaths, table: ProcessTable = processTable()): boolean {
  const record = readJson(paths.server.record, ServerRecord);
  return record !== undefined && leftProcesses(record, paths, table).length > 0;
}

function leftProcesses(
  record: ServerRecord | "unreadable",
  paths: StackPaths,
  table: ProcessTable,
): readonly ProcessIdentity[] {
  if (record !== "unreadable" && record.process) {
    return isAlive(table, record.process) ? [record.process] : [];
  }
  // Its supervisor died between starting it and writing its process down, or the file was damaged.
  const program = record === "unreadable" ? "nats-server" : basename(record.program);
  const named = table.startedWith(serverName(paths));
  return named.filter(({ command }) => command === program.slice(0, 15) || command === program);
}

/** @param wantedPort tried first, so that connections of before come back; else any free one */
export async function startNats(
  binary: NatsBinary,
  paths: StackPaths,
  wantedPort: number | undefined,
  table: ProcessTable = processTable(),
): Promise<NatsProcess> {
  if (wantedPort !== undefined) {
    const again = await tryStart(binary, paths, wantedPort, table);
    if ("port" in again) return again;
  }
  const started = await tryStart(binary, paths, "free", table);
  if ("port" in started) return started;
  throw new PitayaError(
    "stack_failed",
    `nats-server ${binary.version} (${binary.path}) does not start: ${started.why}`,
    { hint: `its log is ${paths.server.log}` },
  );
}

async function tryStart(
  binary: NatsBinary,
  paths: StackPaths,
  port: number | "free",
  table: ProcessTable,
): Promise<NatsProcess | { readonly why: string }> {
  const { ports, record, config } = paths.server;
  rmSync(ports, { recursive: true, force: true });
  mkdirSync(ports, { recursive: true });
  const name = serverName(paths);
  const log = openLog(paths.server.log);
  const kept: ServerRecord = { name, program: binary.path };
  writePrivateJson(record, kept);
  const child = spawn(
    binary.path,
    ["-n", name, "-c", config, "-a", "127.0.0.1"].concat([
      "-p",
      port === "free" ? "-1" : String(port),
      "--ports_file_dir",
      ports,
    ]),
    { stdio: ["ignore", log.fd, log.fd], cwd: paths.server.directory },
  );
  closeSync(log.fd);
  const ended = endOf(child);
  const { pid } = child;
  // However this process ends, if it can still do anything at all.
  const takeAlong = () => child.kill("SIGTERM");
  process.once("exit", takeAlong);
  void ended.then(() => process.off("exit", takeAlong));
  const identity = pid === undefined ? undefined : table.find(pid);
  if (identity) writePrivateJson(record, { ...kept, process: identity });

  const stop = async () => {
    await endChild(child, ended);
    for (const path of [record, ports]) rmSync(path, { recursive: true, force: true });
  };
  const readyPort = await portOf(ports, pid, ended);
  if (typeof readyPort === "number") {
    if (identity) writePrivateJson(record, { ...kept, process: identity, port: readyPort });
    return { port: readyPort, ended, stop };
  }
  await stop();
  return { why: [readyPort.why, ...tailOf(log)].join("\n") };
}

/** Until the server has written which port it listens on. */
async function portOf(
  directory: string,
  pid: number | undefined,
  ended: Promise<string>,
): Promise<number | { readonly why: string }> {
  let end: string | undefined;
  void ended.then((how) => {
    end = how;
  });
  const until = performance.now() + START_TIMEOUT_MS;
  for (let waitMs = 1; performance.now() < until; waitMs = Math.min(waitMs * 2, 25)) {
    await Promise.race([delay(waitMs), ended]);
    if (end !== undefined) return { why: end };
    const file = readdirSync(directory).find((found) => found.endsWith(`_${pid}.ports`));
    const found = file && readJson(join(directory, file), Ports);
    // Unreadable is half written: it is looked at again.
    if (found && found !== "unreadable") return Number(new URL(found.nats[0]).port);
  }
  return { why: `not ready after ${START_TIMEOUT_MS / 1_000} s` };
}

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) =>
      resolve(signal ? `ended by ${signal}` : `ended with exit code ${code}`),
    );
  });
}

async function endChild(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill("SIGTERM");
  const killing = setTimeout(() => child.kill("SIGKILL"), ASKED_MS);
  await ended;
  clearTimeout(killing);
}

/** The same for each server of a stack, and only for those. */
const serverName = (paths: StackPaths) =>
  `pitaya-${createHash("sha256").update(paths.directory).digest("hex").slice(0, 16)}`;
