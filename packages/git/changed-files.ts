import { lfsPointers } from "./lfs-pointers.ts";
import { rejected } from "./rejection.ts";
import { type GitCall, runGit } from "./run-git.ts";

export interface ChangedFiles {
  readonly filesChanged: number;
  readonly insertions: number;
  readonly deletions: number;
  readonly lfsPointersAdded: readonly string[];
}

const REGULAR = new Set(["100644", "100755"]);

/** A pointer has three lines, with extensions some more; in one that changes two of them change. */
const POINTER_LINES = { min: 1, max: 20 };

/** What differs between the trees of two commits. Paths may be any bytes. */
export async function changedFiles(
  options: {
    readonly commit: string;
    readonly baseCommit: string;
    readonly maxFiles: number;
    readonly maxPathBytes: number;
  },
  call: GitCall,
): Promise<ChangedFiles> {
  const { stdout } = await runGit(
    [
      "diff-tree",
      "-r",
      "-z",
      "--raw",
      "--numstat",
      "--no-renames",
      "--no-ext-diff",
      "--no-textconv",
      "--no-abbrev",
      options.baseCommit,
      options.commit,
    ],
    { ...call, settings: ["core.bigFileThreshold=8m"] },
  );
  // Latin-1 keeps each byte a character, so lengths are bytes and nothing is lost.
  const fields = stdout.toString("latin1").split("\0");
  const blobs = new Map<string, string>();
  const candidates: { path: string; blob: string }[] = [];
  let filesChanged = 0;
  let insertions = 0;
  let deletions = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] ?? "";
    if (field.startsWith(":")) {
      const [, mode = "", , blob = ""] = field.slice(1).split(" ");
      const path = fields[++i] ?? "";
      filesChanged++;
      if (filesChanged > options.maxFiles) {
        throw rejected("too_many_files", `it changes more than ${options.maxFiles} files`);
      }
      if (path.length > options.maxPathBytes) {
        throw rejected("path_too_long", `it has a path of ${path.length} bytes`);
      }
      if (REGULAR.has(mode)) blobs.set(path, blob);
      continue;
    }
    const [added = "", removed = "", ...rest] = field.split("\t");
    if (!/^\d+$/.test(added)) continue;
    const path = rest.join("\t");
    insertions += Number(added);
    deletions += Number(removed);
    const blob = blobs.get(path);
    const mayBePointer = Number(added) >= POINTER_LINES.min && Number(added) <= POINTER_LINES.max;
    if (blob !== undefined && mayBePointer) candidates.push({ path, blob });
  }
  const lfsPointersAdded = await lfsPointers(candidates, call);
  return { filesChanged, insertions, deletions, lfsPointersAdded };
}
