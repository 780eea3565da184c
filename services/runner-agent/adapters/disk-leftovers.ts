import { mkdir, readdir, rm } from "node:fs/promises";
import { join, normalize } from "node:path";
import type { AttemptName } from "../ports/executor.port.ts";
import { ATTEMPTS, directoryName } from "./attempt-directory.ts";

/** What lies under an attempt's place and belongs to no attempt in `keep`, relative to `stateDir`. */
export async function strayAttempts(
  stateDir: string,
  keep: readonly AttemptName[],
): Promise<readonly string[]> {
  const kept = new Set(keep.map(directoryName));
  const root = join(stateDir, ATTEMPTS);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const entries = await readdir(root);
  return entries.filter((entry) => !kept.has(entry)).map((entry) => join(ATTEMPTS, entry));
}

/** @param path relative to `stateDir`, and below one of its directories */
export async function removeStray(stateDir: string, path: string): Promise<void> {
  const [top, entry, ...rest] = normalize(path).split("/");
  if (top === ".." || !top || !entry || rest.length > 0) {
    throw new Error(`${path} is none of the things that lie under ${stateDir}`);
  }
  await rm(join(stateDir, top, entry), { recursive: true, force: true });
}
