import { createReadStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Change, DEFAULT_LIMITS } from "./quarantine.ts";
import { type GitCall, gitLines, gitText, runGit } from "./run-git.ts";
import { writeBareRepository } from "./scratch-repository.ts";

/** Objects read in one go, and the size from which one goes through a file of its own. */
const BATCH_BYTES = 16 * 1024 * 1024;

/**
 * Everything a change adds, as bytes: its commits with their messages, its trees with their names,
 * and its files whole, those of every commit between and not only of the last. For whoever looks for
 * what must not be in there. Memory is bounded, whatever the size of a file.
 *
 * @param dir a new directory; it is gone when the iteration ends
 * @throws {PitayaError} `git_failed`, also when an object inflates beyond what quarantine allows
 */
export async function* addedContent(
  change: Pick<Change, "baseCommit" | "commit" | "objectDirs" | "shallow" | "objectFormat">,
  options: { readonly dir: string; readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array> {
  const { baseCommit, commit, objectDirs, shallow, objectFormat } = change;
  const { dir, signal } = options;
  const call: GitCall = {
    cwd: dir,
    gitDir: dir,
    maxMemoryBytes: DEFAULT_LIMITS.maxMemoryBytes,
    ...(signal === undefined ? {} : { signal }),
  };
  await mkdir(dir, { recursive: true });
  try {
    await writeBareRepository(dir, { objectFormat, alternates: objectDirs, shallow });
    const ids = await gitLines(
      ["rev-list", "--objects", "--no-object-names", commit, `^${baseCommit}`],
      call,
    );
    const sizes = await gitLines(["cat-file", "--batch-check=%(objectname) %(objectsize)"], {
      ...call,
      input: ids.map((id) => `${id}\n`).join(""),
    });
    const objects = sizes
      .map((line) => line.split(" "))
      .map(([id = "", size]) => ({ id, bytes: Number(size) }));
    for (const batch of batchesOf(objects.filter(({ bytes }) => bytes <= BATCH_BYTES))) {
      const input = batch.map((id) => `${id}\n`).join("");
      yield (await runGit(["cat-file", "--batch"], { ...call, input })).stdout;
    }
    for (const { id } of objects.filter(({ bytes }) => bytes > BATCH_BYTES)) {
      const path = join(dir, await gitText(["unpack-file", id], call));
      yield* createReadStream(path);
      await rm(path);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function batchesOf(
  objects: readonly { readonly id: string; readonly bytes: number }[],
): string[][] {
  const batches: string[][] = [];
  let room = 0;
  for (const { id, bytes } of objects) {
    const last = batches.at(-1);
    if (last === undefined || bytes > room) {
      batches.push([id]);
      room = BATCH_BYTES - bytes;
    } else {
      last.push(id);
      room -= bytes;
    }
  }
  return batches;
}
