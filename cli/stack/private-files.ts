import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  type Stats,
  writeFileSync,
} from "node:fs";
import { PitayaError } from "@pitaya/protocol";
import type { z } from "zod";

/**
 * Makes a directory that only this user can enter. One that is there is made private if it is the
 * user's own and holds nothing, or `ours` in it; otherwise it is left as it is and refused, whether it
 * is another user's, who could put another socket or other keys there, or the user's for other things.
 *
 * @param path without links
 * @throws `stack_failed`
 */
export function makePrivateDirectory(path: string, ours: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unusable(path, reason(error), error);
  }
  const found = lstatSync(path);
  if (!found.isDirectory()) throw unusable(path, "it is not a directory");
  if (!isOwn(found)) throw unusable(path, "it belongs to another user");
  if ((found.mode & 0o077) === 0) return;
  const names = readdirSync(path);
  if (names.length > 0 && !names.includes(ours)) {
    throw unusable(path, "others can enter it and it holds other things");
  }
  chmodSync(path, 0o700);
}

/** Replaces a file in one step, so that a reader sees the old or the new one, readable by this user only. */
export function writePrivateFile(path: string, content: string): void {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, path);
}

export const writePrivateJson = (path: string, value: unknown): void =>
  writePrivateFile(path, `${JSON.stringify(value, null, 2)}\n`);

/** What a file of ours says: `undefined` when it is not there, `"unreadable"` when it makes no sense. */
export function readJson<T extends z.ZodType>(
  path: string,
  schema: T,
): z.infer<T> | "unreadable" | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    return hasCode(error, "ENOENT") ? undefined : "unreadable";
  }
  try {
    const parsed = schema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : "unreadable";
  } catch (error) {
    if (error instanceof SyntaxError) return "unreadable";
    throw error;
  }
}

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

const isOwn = (stats: Stats) => process.getuid === undefined || stats.uid === process.getuid();

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));

function unusable(path: string, why: string, cause?: unknown): PitayaError {
  return new PitayaError("stack_failed", `the directory ${path} cannot be used: ${why}`, {
    cause,
    retryable: false,
    hint: "name another one with --state-dir or PITAYA_STATE_DIR",
  });
}
