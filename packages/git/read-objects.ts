import { PitayaError } from "@pitaya/protocol";
import { type GitCall, runGit } from "./run-git.ts";

/** A commit, tree or blob, its content as git hashes it. */
export interface GitObject {
  readonly id: string;
  readonly type: string;
  readonly content: Buffer;
}

/** Reads objects by id, in that order, with one process. All of them are in memory at once. */
export async function readObjects(ids: readonly string[], call: GitCall): Promise<GitObject[]> {
  if (ids.length === 0) return [];
  const { stdout } = await runGit(["cat-file", "--batch"], {
    ...call,
    input: ids.map((id) => `${id}\n`).join(""),
  });
  const objects: GitObject[] = [];
  for (let at = 0; at < stdout.length; ) {
    const end = stdout.indexOf("\n", at);
    const [id = "", type = "", size] = stdout.toString("latin1", at, end).split(" ");
    if (size === undefined) throw new PitayaError("git_failed", `the object ${id} is ${type}`);
    const start = end + 1;
    at = start + Number(size);
    objects.push({ id, type, content: stdout.subarray(start, at) });
    at += 1;
  }
  return objects;
}
