import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { isAbsolute, relative, sep } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import { printable } from "../output/printable.rules.ts";

/** A file somebody wrote settings into, read once: what is understood of it is what was hashed. */
export interface SettingsFile {
  /** With every link resolved. */
  readonly path: string;
  readonly shown: string;
  readonly text: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** No person writes more; whoever parses it takes more than linear time. */
const MAX_BYTES = 128 * 1024;

/**
 * Reads a file of settings.
 *
 * @param inside a directory that it must lie in, links resolved
 * @returns undefined where there is none
 * @throws {PitayaError} `usage` for one that is no small text file, or lies elsewhere
 */
export async function readSettingsFile(
  path: string,
  options: { readonly cwd: string; readonly inside?: string },
): Promise<SettingsFile | undefined> {
  const shown = shownFrom(options.cwd, path);
  const refuse = (why: string, cause?: unknown) =>
    new PitayaError("usage", `${shown} ${why}`, { cause });
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refuse(`cannot be read: ${code}`, error);
  }
  if (options.inside !== undefined && !liesIn(options.inside, real)) {
    throw refuse("leads out of the repository, and is not read");
  }
  try {
    // Nobody on the other end of a pipe is waited for.
    const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      if (!(await file.stat()).isFile()) throw refuse("is no file");
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, length, buffer.length - length, length);
        length += bytesRead;
        if (length > MAX_BYTES) throw refuse(`is larger than ${MAX_BYTES / 1024} KiB`);
        if (bytesRead === 0) break;
      }
      const bytes = buffer.subarray(0, length);
      const text = textOf(bytes);
      if (text === undefined) throw refuse("is no text in UTF-8");
      return { path: real, shown, text, sha256: createHash("sha256").update(bytes).digest("hex") };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof PitayaError) throw error;
    throw refuse(`cannot be read: ${(error as NodeJS.ErrnoException).code}`, error);
  }
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Whether a path lies in a directory; both with their links resolved. */
export function liesIn(directory: string, path: string): boolean {
  const way = relative(directory, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** As a person would write it who is in that directory. */
export function shownFrom(cwd: string, path: string): string {
  const way = relative(cwd, path);
  return printable(way === "" || way.startsWith("..") ? path : way);
}
