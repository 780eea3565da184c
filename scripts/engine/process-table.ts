import { readFileSync } from "node:fs";

/**
 * Whether a process of this number runs and is this program. A number alone proves nothing: dead
 * processes keep theirs until their parent has taken note, and numbers are used again.
 *
 * Linux only, as is everything that starts processes here.
 */
export function isProgramRunning(pid: number, program: string): boolean {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return false;
  }
  // The name stands in parentheses and may itself hold some.
  const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state, threads] = [fields[0], Number(fields[17])];
  // Its first thread may be dead before the others, who still hold its files.
  const isDead = (state === "Z" && threads <= 1) || state === "X";
  return name === program && !isDead;
}

/** The number a pid file holds, when that process is this program and runs. */
export function runningPid(pidFile: string, program: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(pidFile, "utf8");
  } catch {
    return undefined;
  }
  const pid = Number.parseInt(text, 10);
  return Number.isInteger(pid) && isProgramRunning(pid, program) ? pid : undefined;
}
