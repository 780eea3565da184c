import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** @returns stdout without the last line's end */
export async function git(
  directory: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { stdout } = await promisify(execFile)("git", args, {
    cwd: directory,
    env: { ...process.env, ...env },
  });
  return stdout.trimEnd();
}
