import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
  /** Ends it with SIGTERM. */
  readonly signal?: AbortSignal;
}

const tailBytes = 6000;

/**
 * Runs a program to its end and gives its stdout.
 *
 * @throws Error with the end of what it printed, when it does not exit 0
 */
export async function runCommand(
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ["pipe", "pipe", "pipe"],
    ...(options.signal ? { signal: options.signal } : {}),
  });
  let stdout = "";
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    printed = (printed + text).slice(-tailBytes);
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    printed = (printed + text).slice(-tailBytes);
  });
  // A program that ends without reading its input is judged by its exit code.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number | string>((settle, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode, signal) => settle(exitCode ?? signal ?? "unknown"));
  });
  if (code === 0) return stdout;
  throw new Error(`${program} ${args.join(" ")} ended with ${code}:\n${printed.trim()}`);
}
