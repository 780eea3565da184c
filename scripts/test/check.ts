import { type StdioOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { nothing, type Tally } from "../../test/support/tally.ts";

export interface Check {
  readonly title: string;
  readonly args: readonly string[];
}

/** Runs one tool whose silence is one passed check; what it prints is shown when it has failed. */
export async function runCheck(check: Check, root: string, env: NodeJS.ProcessEnv): Promise<Tally> {
  const startedAt = performance.now();
  const [program, ...args] = check.args;
  const child = spawn(join(root, "node_modules/.bin", program ?? ""), args, {
    cwd: root,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const printed: Buffer[] = [];
  child.stdout.on("data", (bytes: Buffer) => printed.push(bytes));
  child.stderr.on("data", (bytes: Buffer) => printed.push(bytes));
  const ok = (await ended(child, "close")) === 0;
  if (!ok) process.stdout.write(Buffer.concat(printed));
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${check.title} ${ok ? "passed" : "FAILED"} (${seconds} s)`);
  return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** Tests that take longer do not come to an end by themselves. */
const TEST_LIMIT_MS = 40 * 60_000;

/** For what the test runner printed last to arrive, when another program holds its output too. */
const OUTPUT_LIMIT_MS = 5_000;

/**
 * Runs the tests, and takes their tally from the file that the reporter writes. A run that ends badly
 * without a failed test to show for it, or not at all, counts as one failure.
 *
 * They have the terminal as it is. Where there is none, what they print goes through this process: a
 * program that a failed test left behind then holds no pipe that somebody reads to its end.
 */
export async function runTests(
  node: string,
  args: readonly string[],
  root: string,
  env: NodeJS.ProcessEnv,
  tallyFile: string,
): Promise<Tally> {
  rmSync(tallyFile, { force: true });
  const vitest = join(root, "node_modules/vitest/vitest.mjs");
  const output = process.stdout.isTTY ? "inherit" : "pipe";
  const stdio: StdioOptions = [process.stdin.isTTY ? "inherit" : "ignore", output, output];
  const child = spawn(node, [vitest, "run", ...args], { cwd: root, env, stdio });
  child.stdout?.pipe(process.stdout, { end: false });
  child.stderr?.pipe(process.stderr, { end: false });
  const limit = setTimeout(() => child.kill("SIGKILL"), TEST_LIMIT_MS);
  const printed = once(child, "close");
  const code = await ended(child, "exit");
  clearTimeout(limit);
  await Promise.race([printed, delay(OUTPUT_LIMIT_MS)]);
  const tally = existsSync(tallyFile)
    ? (JSON.parse(readFileSync(tallyFile, "utf8")) as Tally)
    : nothing;
  if (code === 0 || tally.failed > 0) return tally;
  console.log(`the test runner ended with ${code}`);
  return { passed: tally.passed, failed: 1 };
}

/**
 * Ends with the child, and has it end when this process is told to.
 *
 * @param at `close` comes once nobody holds its output any more, `exit` before
 */
async function ended(
  child: ReturnType<typeof spawn>,
  at: "exit" | "close",
): Promise<number | string> {
  const stop = () => void child.kill("SIGTERM");
  process.on("SIGTERM", stop);
  try {
    return await new Promise((settle, reject) => {
      child.on("error", reject);
      child.on(at, (code, signal) => settle(code ?? signal ?? "unknown"));
    });
  } finally {
    process.off("SIGTERM", stop);
  }
}
