import { dirname } from "node:path";
import { type Change, DEFAULT_LIMITS, type QuarantineLimits } from "./quarantine.ts";
import { type GitObject, readObjects } from "./read-objects.ts";
import { rejected } from "./rejection.ts";
import { type GitCall, gitLines, ranOut } from "./run-git.ts";

/** Objects are read in groups of about this size; a single one may be larger. */
const GROUP_BYTES = 16 * 1024 * 1024;

/** An object larger than this is not read. */
const MAX_OBJECT_BYTES = 256 * 1024 * 1024;

/**
 * Gives everything that a quarantined change would bring along: messages, names and contents, to be
 * searched for what must not be stored.
 *
 * @throws {PitayaError} `bundle_rejected` (`too_expensive`) if it cannot be read within the limits
 */
export async function* newObjects(
  change: Change,
  options: { readonly limits?: Partial<QuarantineLimits>; readonly signal?: AbortSignal } = {},
): AsyncGenerator<GitObject> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const [objectDir = ""] = change.objectDirs;
  const dir = dirname(objectDir);
  const call: GitCall = {
    cwd: dir,
    gitDir: dir,
    maxMemoryBytes: limits.maxMemoryBytes,
    timeoutMs: limits.timeoutMs,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  try {
    const ids = await gitLines(
      ["rev-list", "--objects", "--no-object-names", change.commit, `^${change.baseCommit}`],
      call,
    );
    for (const group of await groupsOf(ids, call)) {
      yield* await readObjects(group, { ...call, maxOutputBytes: MAX_OBJECT_BYTES });
    }
  } catch (error) {
    if (!ranOut(error)) throw error;
    throw rejected("too_expensive", `reading it cost too much: ${error.message}`, error);
  }
}

async function groupsOf(ids: readonly string[], call: GitCall): Promise<string[][]> {
  if (ids.length === 0) return [];
  const lines = await gitLines(["cat-file", "--batch-check=%(objectname) %(objectsize)"], {
    ...call,
    input: ids.map((id) => `${id}\n`).join(""),
  });
  const groups: string[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const line of lines) {
    const [id = "", size = "0"] = line.split(" ");
    if (bytes + Number(size) > GROUP_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(id);
    bytes += Number(size);
  }
  return groups;
}
