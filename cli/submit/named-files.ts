import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, relative, resolve, sep } from "node:path";
import { MAX_RUN_FILE_BYTES, PitayaError } from "@pitaya/protocol";
import type { Host } from "../host.ts";
import { printable, shorten } from "../output/printable.rules.ts";
import { liesIn } from "../settings/settings-file.ts";
import type { MarkedValue } from "./param-marks.rules.ts";
import type { GivenParam } from "./strategy-params.rules.ts";

/** A file that a parameter names, read when the run is submitted. */
export interface NamedFile {
  /** The parameter's value. */
  readonly name: string;
  readonly use: "strategy" | "task";
  /** Below the root of the repository; of a file outside it, its own name. */
  readonly path: string;
  readonly executable: boolean;
  readonly content: Uint8Array;
}

const MOST_FILES = 512;
/** All of them are held at once. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Reads the files that parameters name: `~` and `$VAR` are expanded, the repository's root is looked
 * in first, then the working directory. What is not committed counts.
 *
 * A path of the repository must not lead out of it by links, and a parameter that a repository's file
 * gave names nothing outside, and nothing hidden: a cloned repository has no say in which of the user's
 * files leave.
 *
 * @param root of the repository's working tree, links resolved
 * @throws {PitayaError} `usage` for a file that is not there, or may not be sent
 */
export async function namedFiles(
  host: Pick<Host, "env" | "home" | "cwd">,
  root: string,
  marked: readonly MarkedValue[],
  given: ReadonlyMap<string, GivenParam>,
): Promise<readonly NamedFile[]> {
  const files: NamedFile[] = [];
  let bytes = 0;
  for (const { mark, value, param } of marked) {
    if (mark !== "text-file" && mark !== "task-file") continue;
    const { as = param, layer } = given.get(param) ?? {};
    const use = mark === "text-file" ? "strategy" : "task";
    const refuse = (why: string, hint?: string) =>
      new PitayaError(
        "usage",
        `${as}: ${shorten(printable(value), 200)} ${why}`,
        hint === undefined ? {} : { hint },
      );
    const found = await findFile(host, root, value, refuse);
    const ofRepository = layer?.file?.trust !== undefined;
    const inside = liesIn(root, found.real) || found.real === root;
    if (!inside && (ofRepository || found.isMeantInside)) {
      throw refuse("leads out of the repository, and is not sent");
    }
    const below = inside ? relative(root, found.real).split(sep) : [];
    if (below.includes(".git") || (ofRepository && below.some((part) => part.startsWith(".")))) {
      throw refuse("is hidden, and is not sent", "Name another file, or name this one with -S.");
    }
    const paths = await filesAt(found.real, use, refuse);
    for (const path of paths) {
      const real = await realpath(path);
      if (real !== found.real && !liesIn(found.real, real)) {
        throw refuse(`holds a link that leads out of it: ${printable(relative(found.real, path))}`);
      }
      const { content, executable } = await readWhole(real, refuse);
      bytes += content.length;
      if (files.length === MOST_FILES || bytes > MOST_BYTES) {
        throw refuse(`is too much: ${MOST_FILES} files and ${MOST_BYTES / 1024 ** 2} MiB at most`);
      }
      if (use === "strategy" && !isText(content)) throw refuse("is no text in UTF-8");
      const to = inside
        ? relative(root, path)
        : join(basename(found.real), relative(found.real, path));
      files.push({ name: value, use, path: to.split(sep).join("/"), executable, content });
    }
  }
  return files;
}

type Refuse = (why: string, hint?: string) => PitayaError;

interface Found {
  readonly real: string;
  /** By how it is written, before any link is followed, it lies in the repository. */
  readonly isMeantInside: boolean;
}

async function findFile(
  { env, home, cwd }: Pick<Host, "env" | "home" | "cwd">,
  root: string,
  value: string,
  refuse: Refuse,
): Promise<Found> {
  const expanded = value
    .replace(/^~(?=\/|$)/, () => home)
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, name: string, braced: string) => {
      const held = env[name ?? braced];
      if (held === undefined) throw refuse(`holds ${printable(whole)}, which is not set`);
      return held;
    });
  const places = isAbsolute(expanded)
    ? [expanded]
    : [...new Set([resolve(root, expanded), resolve(cwd, expanded)])];
  for (const place of places) {
    const real = await realpath(place).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
      throw refuse(`cannot be read: ${error.code}`);
    });
    if (real !== undefined) return { real, isMeantInside: liesIn(root, place) };
  }
  throw refuse("is no file that is there", `Looked for: ${places.map(printable).join(", ")}`);
}

/** The file itself, or for a task all files of a directory, in their order. */
async function filesAt(
  real: string,
  use: NamedFile["use"],
  refuse: Refuse,
): Promise<readonly string[]> {
  if (!(await stat(real)).isDirectory()) return [real];
  if (use === "strategy") throw refuse("is a directory, not a file");
  const entries = await readdir(real, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory());
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

async function readWhole(path: string, refuse: Refuse) {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const { size, mode } = await file.stat().then((found) => {
      if (!found.isFile()) throw refuse("holds something that is no file");
      return found;
    });
    if (size > MAX_RUN_FILE_BYTES) {
      throw refuse(`is larger than ${MAX_RUN_FILE_BYTES / 1024 ** 2} MiB`);
    }
    return { content: await file.readFile(), executable: (mode & 0o111) !== 0 };
  } finally {
    await file.close();
  }
}

function isText(content: Uint8Array): boolean {
  try {
    return !new TextDecoder("utf-8", { fatal: true }).decode(content).includes("\0");
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}
