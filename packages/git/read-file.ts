import { mkdir, rm } from "node:fs/promises";
import { PitayaError } from "@pitaya/protocol";
import { DEFAULT_LIMITS } from "./quarantine.ts";
import { type GitCall, runGit } from "./run-git.ts";
import { type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

/** What stands at a path of a commit. */
export type FileRead =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing" | "directory" | "symlink" | "submodule" | "binary" }
  | { readonly kind: "too-large"; readonly bytes: number };

export interface ReadFileOptions {
  readonly commit: string;
  /** From the root of the repository, with `/`. No link is followed on the way. */
  readonly path: string;
  readonly maxBytes: number;
  /** Object directories that together hold the commit. */
  readonly objectDirs: readonly string[];
  readonly shallow: readonly string[];
  readonly objectFormat: ObjectFormat;
  /** A new directory; it is gone afterwards. */
  readonly dir: string;
  readonly signal?: AbortSignal;
}

/**
 * Reads a file of a commit from packs of ours: no checkout, no filters, no repository that somebody
 * else has made.
 *
 * @throws {PitayaError} `task_unsupported` for a path that none of a repository can be
 */
export async function readFileAt(options: ReadFileOptions): Promise<FileRead> {
  const { commit, maxBytes, objectDirs, shallow, objectFormat, dir, signal } = options;
  const path = pathInRepository(options.path);
  if (path === "") return { kind: "directory" };
  const call: GitCall = {
    cwd: dir,
    gitDir: dir,
    maxMemoryBytes: DEFAULT_LIMITS.maxMemoryBytes,
    ...(signal === undefined ? {} : { signal }),
  };
  await mkdir(dir, { recursive: true });
  try {
    await writeBareRepository(dir, { objectFormat, alternates: objectDirs, shallow });
    const { stdout } = await runGit(["ls-tree", "-z", "-l", commit, "--", path], call);
    const [, mode, id, size] = /^(\d+) \w+ ([0-9a-f]+) +(\d+|-)\t/.exec(stdout.toString()) ?? [];
    if (mode === undefined || id === undefined) return { kind: "missing" };
    if (mode === "040000") return { kind: "directory" };
    if (mode === "120000") return { kind: "symlink" };
    if (mode === "160000") return { kind: "submodule" };
    const bytes = Number(size);
    if (bytes > maxBytes) return { kind: "too-large", bytes };
    const file = await runGit(["cat-file", "blob", id], call);
    return textOf(file.stdout);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** As git names it: without the steps that lead nowhere. */
export function pathInRepository(path: string): string {
  const steps = path.split("/").filter((step) => step !== "" && step !== ".");
  if (path === "" || path.startsWith("/") || path.includes("\0") || steps.includes("..")) {
    throw new PitayaError(
      "task_unsupported",
      `${JSON.stringify(path)} is no path in a repository; write it from the root, without ".."`,
    );
  }
  return steps.join("/");
}

function textOf(bytes: Uint8Array): FileRead {
  if (bytes.includes(0)) return { kind: "binary" };
  try {
    return { kind: "text", text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return { kind: "binary" };
  }
}
