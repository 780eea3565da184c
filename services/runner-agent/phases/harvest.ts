import { join } from "node:path";
import type { Change } from "@pitaya/git";
import { type ErrorRecord, errorRecord, isPitayaError, PitayaError } from "@pitaya/protocol";
import type { Harvested } from "../domain/attempt.ts";
import { objectFormatOf } from "../domain/object-format.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";

/** Most bytes of one file that are copied out of a container. */
const MAX_HARVEST_BYTES = 1024 ** 3;

/**
 * Takes what the agent made out of its container and checks it on this host. Whatever comes out is
 * the agent's word: commit, counts and ancestry are computed here, from the bundle in quarantine.
 *
 * What is refused is told in `error`, beside whatever else can be kept.
 *
 * @throws `harvest_failed`, `engine_unavailable`
 */
export async function collectHarvest(scope: AttemptScope, signal: AbortSignal): Promise<Harvested> {
  const { executor, name, directory, log } = scope;
  const dir = await directory.freshHarvestDir();
  const found = await executor.harvest(name, dir, MAX_HARVEST_BYTES);
  if (found.trouble !== undefined) log.warn({ trouble: found.trouble }, "harvest had trouble");

  const commits = found.bundlePath
    ? await checkedBundle(scope, found.bundlePath, join(dir, "quarantine"), signal)
    : {};
  const patch = found.patchPath
    ? await checkedPatch(scope, found.patchPath, commits.passed, join(dir, "patched"), signal)
    : {};
  const trouble =
    found.trouble === undefined || found.bundlePath !== undefined
      ? undefined
      : errorRecord(new PitayaError("harvest_failed", `The harvest failed: ${found.trouble}`));
  const error = commits.error ?? patch.error ?? trouble;
  return {
    shallow: [],
    lfsObjectsMissing: 0,
    forcedCommit: found.forcedCommit,
    ...commits.kept,
    ...patch.kept,
    ...(error === undefined ? {} : { error }),
  };
}

interface Checked {
  readonly kept?: Partial<Harvested>;
  readonly error?: ErrorRecord;
}

async function checkedBundle(
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

/** Besides its own text, what the patch makes of files: in a binary one a secret cannot be seen. */
async function checkedPatch(
  scope: AttemptScope,
  patchPath: string,
  onto: Change | undefined,
  dir: string,
  signal: AbortSignal,
): Promise<Checked> {
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
  }
  return { kept: { patchPath } };
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
