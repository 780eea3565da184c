import { join } from "node:path";
import { gitText } from "./run-git.ts";

/**
 * Packs what `tips` reach and `without` does not, in the bare repository `dir`. The pack stands alone:
 * no object in it is a delta of one outside.
 *
 * Deltas that are there are used again and new ones are not searched for (window 0): the search takes
 * most of the time where much is not packed yet, and its result depends on how threads are scheduled,
 * while a base that is sent twice should be the same bytes.
 */
export async function packReachable(options: {
  readonly dir: string;
  readonly tips: readonly string[];
  readonly without: readonly string[];
  readonly maxMemoryBytes?: number;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal | undefined;
}): Promise<{ readonly path: string; readonly indexPath: string }> {
  const { dir, tips, without, maxMemoryBytes, timeoutMs, signal } = options;
  const start = join(dir, "out");
  const revisions = [...tips, ...without.map((id) => `^${id}`)].map((line) => `${line}\n`).join("");
  const name = await gitText(
    ["pack-objects", "--quiet", "--revs", "--delta-base-offset", "--window=0", start],
    {
      cwd: dir,
      gitDir: dir,
      input: revisions,
      settings: ["core.fsync=none", "pack.writeReverseIndex=false"],
      ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal === undefined ? {} : { signal }),
    },
  );
  return { path: `${start}-${name}.pack`, indexPath: `${start}-${name}.idx` };
}
