import { createHash } from "node:crypto";
import { readlinkSync, rmSync } from "node:fs";
import { lstat, mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Host } from "./host.ts";
import { type ProcessTable, processTable } from "./stack/processes.ts";

/** A private directory for this command's temporary files. */
export interface Scratch {
  readonly dir: string;
  /** Synchronous, so that it can be the last thing a process does. */
  remove(): void;
}

/** How many directories of killed commands one command removes at most. */
const MAX_SWEPT = 10;

const PREFIX = "pitaya-command-";

/**
 * The directory's name tells whose it is, so that a later command removes what one that was killed
 * left: `pitaya-command-<place>-<pid>-<start of the process>-<random>`.
 */
export async function openScratch(
  { tmpdir }: Pick<Host, "tmpdir">,
  processes: ProcessTable = processTable(),
): Promise<Scratch> {
  const place = hash(processNumbersOf());
  await sweep(tmpdir, `${PREFIX}${place}-`, processes);
  const started = startOf(processes, process.pid) ?? "unknown";
  const dir = await mkdtemp(join(tmpdir, `${PREFIX}${place}-${process.pid}-${started}-`));
  // A write still on its way makes a file between the emptying of the directory and its removal.
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 5 });
  return { dir, remove };
}

/** Removes what commands of this user left that run no more. What cannot be removed stays. */
async function sweep(tmpdir: string, prefix: string, processes: ProcessTable): Promise<void> {
  const names = await readdir(tmpdir).catch(() => []);
  const left = names.filter((name) => {
    const [, pid, started] = /^(\d+)-([0-9a-f]{8})-/.exec(name.slice(prefix.length)) ?? [];
    return name.startsWith(prefix) && pid && startOf(processes, Number(pid)) !== started;
  });
  for (const name of left.slice(0, MAX_SWEPT)) {
    const path = join(tmpdir, name);
    const found = await lstat(path).catch(() => undefined);
    // In a directory that users share, a name proves nothing.
    if (!found?.isDirectory() || found.uid !== process.getuid?.()) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

const startOf = (processes: ProcessTable, pid: number): string | undefined => {
  const found = processes.find(pid);
  return found && hash(found.startedAt);
};

/** Where a process number means the same: a container that shares the directory has its own. */
function processNumbersOf(): string {
  const namespace = process.platform === "linux" ? readlinkSync("/proc/self/ns/pid") : "";
  return `${hostname()} ${namespace}`;
}

const hash = (text: string): string => createHash("sha256").update(text).digest("hex").slice(0, 8);
