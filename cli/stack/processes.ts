import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { PitayaError } from "@pitaya/protocol";
import { z } from "zod";

/** A process as it is recorded in a file: the number alone could be another process by now. */
export const ProcessIdentity = z.object({
  pid: z.int().positive(),
  /** Opaque; equal for the same process, never for two that had the same pid. */
  startedAt: z.string().max(200),
  /** Name of its program, as the system cuts it. */
  command: z.string().max(200),
});
export type ProcessIdentity = z.infer<typeof ProcessIdentity>;

/** What the system says about its processes. A zombie whose last thread has ended is dead: it only waits to be reaped. */
export interface ProcessTable {
  find(pid: number): ProcessIdentity | undefined;
  /** Processes that were started with exactly this argument. */
  startedWith(argument: string): readonly ProcessIdentity[];
}

/** @param proc where procfs is mounted */
export function procTable(proc = "/proc"): ProcessTable {
  const bootId = readFileSync(`${proc}/sys/kernel/random/boot_id`, "utf8").trim();
  const read = (pid: number, file: string) => {
    try {
      return readFileSync(`${proc}/${pid}/${file}`, "utf8");
    } catch {
      // Gone, or of another user who hides it: not ours either way.
      return undefined;
    }
  };
  const find = (pid: number) => {
    // pid (comm) state ppid …: comm may hold anything, so the last parenthesis ends it.
    const stat = read(pid, "stat");
    const found = stat && /^\d+ \((.*)\) (\S) (.*)$/s.exec(stat);
    if (!found) return undefined;
    const [, command = "", state, rest = ""] = found;
    const fields = rest.split(" ");
    const threads = Number(fields[16]);
    // Its first thread may be dead before the others, who still hold its files and its locks.
    if ((state === "Z" && threads <= 1) || state === "X") return undefined;
    return { pid, startedAt: `${bootId}:${fields[18]}`, command };
  };
  return {
    find,
    startedWith(argument) {
      const pids = readdirSync(proc).flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
      return pids.flatMap((pid) => {
        const has = read(pid, "cmdline")?.split("\0").includes(argument) && find(pid);
        return has ? [has] : [];
      });
    },
  };
}

/** Where there is no procfs. */
export function psTable(): ProcessTable {
  const ps = (...args: string[]) => {
    try {
      const options = { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } } as const;
      return execFileSync("ps", args, { ...options, stdio: ["ignore", "pipe", "ignore"] });
    } catch {
      // ps exits 1 when nothing matches.
      return "";
    }
  };
  const find = (pid: number) => {
    const line = ps("-o", "stat=,lstart=,comm=", "-p", String(pid)).trim();
    const found = /^(\S+)\s+(\w{3}\s+\w{3}\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/.exec(line);
    if (!found || found[1]?.startsWith("Z")) return undefined;
    return { pid, startedAt: found[2] ?? "", command: basename(found[3] ?? "") };
  };
  return {
    find,
    startedWith(argument) {
      const lines = ps("-axww", "-o", "pid=,args=").split("\n");
      return lines.flatMap((line) => {
        const [pid, ...args] = line.trim().split(/\s+/);
        // Arguments with spaces cannot be told apart here, so the text has to do.
        const has = args.join(" ").includes(argument) && find(Number(pid));
        return has ? [has] : [];
      });
    },
  };
}

export const processTable = (): ProcessTable =>
  process.platform === "linux" ? procTable() : psTable();

export const isAlive = (table: ProcessTable, identity: ProcessIdentity): boolean => {
  const now = table.find(identity.pid);
  return now?.startedAt === identity.startedAt && now.command === identity.command;
};

/**
 * Ends a process and waits until it is gone: first asked, then killed.
 *
 * @throws `stack_failed` if it outlives both
 */
export async function endProcess(
  table: ProcessTable,
  identity: ProcessIdentity,
  { askedMs, killedMs }: { readonly askedMs: number; readonly killedMs: number },
): Promise<void> {
  for (const [signal, waitMs] of [["SIGTERM", askedMs] as const, ["SIGKILL", killedMs] as const]) {
    const until = performance.now() + waitMs;
    signalProcess(table, identity, signal);
    while (isAlive(table, identity)) {
      if (performance.now() > until) break;
      await delay(10);
    }
    if (!isAlive(table, identity)) return;
  }
  throw new PitayaError(
    "stack_failed",
    `${identity.command} with process id ${identity.pid}, left by an earlier stack, cannot be ended`,
    { hint: `end it by hand: kill -9 ${identity.pid}` },
  );
}

function signalProcess(table: ProcessTable, identity: ProcessIdentity, signal: NodeJS.Signals) {
  if (!isAlive(table, identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    const gone = error instanceof Error && "code" in error && error.code === "ESRCH";
    if (!gone) throw error;
  }
}
