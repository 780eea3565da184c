import { join } from "node:path";
import { gitText } from "./run-git.ts";

/**
 * Packs what `tips` reach and `without` does not, in the bare repository `dir`. The pack stands alone:
 * no object in it is a delta of one outside.
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
  const name = await gitText(["pack-objects", "--quiet", "--revs", "--delta-base-offset", start], {
    cwd: dir,
    gitDir: dir,
    input: revisions,
    settings: ["core.fsync=none", "pack.writeReverseIndex=false"],
    ...(maxMemoryBytes === undefined ? {} : { maxMemoryBytes }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  return { path: `${start}-${name}.pack`, indexPath: `${start}-${name}.idx` };
}
