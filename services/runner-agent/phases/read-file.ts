import { join } from "node:path";
import { storeText } from "@pitaya/bus";
import type { FileRead } from "@pitaya/git";
import { MAX_READ_BYTES, PitayaError, type ReadSpec } from "@pitaya/protocol";
import type { FileFound } from "../domain/attempt.ts";
import { objectFormatOf } from "../domain/object-format.rules.ts";
import { attemptRedactor } from "./attempt-redactor.ts";
import type { AttemptScope } from "./attempt-scope.ts";

/**
 * Reads a file of the task's base, from this runner's own packs. No container, and no checkout.
 *
 * @throws `no_result` where something else stands there, or more than may be read
 */
export async function readFile(
  scope: AttemptScope,
  { path }: ReadSpec,
  signal: AbortSignal,
): Promise<FileFound> {
  const { git, packs, command, directory, bus } = scope;
  const { base } = command.task;
  const objectDirs = await packs.onHost(base);
  const dir = await directory.freshHarvestDir();
  const found = await git.readFileAt({
    commit: base.commit,
    path,
    maxBytes: MAX_READ_BYTES,
    objectDirs,
    shallow: [...new Set(base.bundles.flatMap(({ shallow }) => shallow))],
    objectFormat: objectFormatOf(base.commit),
    dir: join(dir, "reading"),
    signal,
  });
  if (found.kind === "missing") return {};
  if (found.kind !== "text") throw notText(path, base.branch, found);
  const text = attemptRedactor(scope).text(found.text);
  return { text: await storeText(bus, text) };
}

function notText(path: string, branch: string, found: Exclude<FileRead, { kind: "text" }>) {
  const what =
    found.kind === "too-large"
      ? `is ${found.bytes} bytes, and at most ${MAX_READ_BYTES} can be read`
      : `is a ${NAMES[found.kind]}, not a text file`;
  // Some agent's doing, and no mistake of whoever began the run.
  return new PitayaError("no_result", `${path} on ${branch} ${what}.`, {
    details: { found: found.kind },
  });
}

const NAMES = {
  missing: "missing file",
  directory: "directory",
  symlink: "symbolic link",
  submodule: "submodule",
  binary: "binary file",
} as const;
