import { readObjects } from "./read-objects.ts";
import { type GitCall, runGit } from "./run-git.ts";

/** The specification's limit for a pointer file. */
const MAX_POINTER_BYTES = 1024;

const POINTER =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:[^\n]+\n)*?oid sha256:[0-9a-f]{64}\n/;

export const isLfsPointer = (content: string): boolean => POINTER.test(content);

/** The paths among `files` whose content is a Git LFS pointer, sorted. */
export async function lfsPointers(
  files: readonly { readonly path: string; readonly blob: string }[],
  call: GitCall,
): Promise<string[]> {
  if (files.length === 0) return [];
  const sizes = await runGit(["cat-file", "--batch-check=%(objectname) %(objectsize)"], {
    ...call,
    input: [...new Set(files.map(({ blob }) => blob))].map((id) => `${id}\n`).join(""),
  });
  const small = sizes.stdout
    .toString("latin1")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, size]) => Number(size) >= 100 && Number(size) <= MAX_POINTER_BYTES)
    .map(([id = ""]) => id);
  const objects = await readObjects(small, call);
  const pointers = new Set(
    objects.filter(({ content }) => isLfsPointer(content.toString("latin1"))).map(({ id }) => id),
  );
  return files
    .filter(({ blob }) => pointers.has(blob))
    .map(({ path }) => Buffer.from(path, "latin1").toString("utf8"))
    .sort();
}
