import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Names the state of what a step works from, so that it is done again when that has changed. */
export function inputHash(root: string, files: readonly string[], more: readonly string[]): string {
  const hash = createHash("sha256");
  for (const file of [...files].sort()) {
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(root, file)))
      .update("\0");
  }
  for (const text of more) hash.update(text).update("\0");
  return hash.digest("hex").slice(0, 16);
}
