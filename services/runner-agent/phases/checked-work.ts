import { join } from "node:path";
import type { Change } from "@pitaya/git";
import { type ErrorRecord, errorRecord, isPitayaError, PitayaError } from "@pitaya/protocol";
import type { Harvested } from "../domain/attempt.ts";
import { objectFormatOf } from "../domain/object-format.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";

export interface Checked {
  readonly kept?: Partial<Harvested>;
  readonly error?: ErrorRecord;
}

/**
 * The agent's commits out of their quarantine, as a bundle that may be stored. Commit, counts and
 * ancestry are computed here.
 */
export async function checkedBundle(
  scope: AttemptScope,
  bundlePath: string,
  dir: string,
  signal: AbortSignal,
): Promise<Checked & { readonly passed?: Change }> {
  const { git, directory } = scope;
  const base = await baseOf(scope);
  try {
    const passed = await git.quarantine({ ...base, bundlePath, dir, signal });
    await directory.removeFile(bundlePath);
    const [bundle, isTainted] = await Promise.all([
      git.bundleChange({ change: passed, path: join(dir, "clean.bundle"), signal }),
      holdsSecret(scope, git.addedContent(passed, { dir: join(dir, "added"), signal })),
    ]);
    if (isTainted) return { error: secretIn("The agent's commits hold") };
    const { commit, commitCount, filesChanged, insertions, deletions, lfsPointersAdded } = passed;
    const kept = {
      work: { commit, commits: commitCount, filesChanged, insertions, deletions },
      bundlePath: bundle.path,
      lfsObjectsMissing: lfsPointersAdded.length,
    };
    return { passed, kept };
  } catch (error) {
    if (!isPitayaError(error, "bundle_rejected")) throw error;
    return { error: errorRecord(error) };
  }
}

/**
 * A patch that may be stored. Besides its own text, what it makes of files is looked at: in a binary
 * one a secret cannot be seen. One that does not apply is kept for people to read.
 */
export async function checkedPatch(
  scope: AttemptScope,
  patchPath: string,
  onto: Change | undefined,
  dir: string,
  signal: AbortSignal,
): Promise<Checked & { readonly applies?: boolean }> {
  const { git, directory } = scope;
  const error = secretIn("The agent's uncommitted changes hold");
  if (await holdsSecret(scope, directory.read(patchPath))) return { error };
  const base = await baseOf(scope);
  try {
    const patched = await git.commitPatch({
      ...base,
      objectDirs: onto?.objectDirs ?? base.objectDirs,
      onto: onto?.commit ?? base.baseCommit,
      patchPath,
      dir,
      message: "uncommitted",
      author: scope.command.task.author,
      at: scope.clock.now(),
      signal,
    });
    const content = git.addedContent(patched, { dir: join(dir, "added"), signal });
    if (await holdsSecret(scope, content)) return { error };
  } catch (err) {
    if (!isPitayaError(err, "patch_failed") && !isPitayaError(err, "bundle_rejected")) throw err;
    scope.log.warn({ err }, "uncommitted changes kept as they are, though they do not apply");
    return { kept: { patchPath }, applies: false };
  }
  return { kept: { patchPath }, applies: true };
}

async function baseOf({ command, packs }: AttemptScope) {
  const { base } = command.task;
  return {
    baseCommit: base.commit,
    objectDirs: await packs.onHost(base),
    shallow: [...new Set(base.bundles.flatMap(({ shallow }) => shallow))],
    objectFormat: objectFormatOf(base.commit),
  };
}

async function holdsSecret(
  { redactor, command }: AttemptScope,
  content: AsyncIterable<Uint8Array>,
): Promise<boolean> {
  if (redactor === undefined || command.task.agent.credentials.length === 0) return false;
  const detector = redactor.secretDetector();
  for await (const bytes of content) if (detector.push(bytes)) return true;
  return false;
}

const secretIn = (what: string) =>
  errorRecord(
    new PitayaError("secret_in_commit", `${what} a credential of this run, so they are not kept.`, {
      hint: "Replace the credential: the agent has written it into a file.",
    }),
  );
