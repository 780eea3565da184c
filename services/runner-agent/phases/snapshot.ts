import { createHash } from "node:crypto";
import { join } from "node:path";
import type { SessionSnapshot } from "@pitaya/protocol";
import type { Harvested } from "../domain/attempt.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { checkedBundle, checkedPatch } from "./checked-work.ts";
import { conversationOf, sessionPaths } from "./conversation.ts";
import { uploadWork } from "./upload.ts";

/** Of bundle and patch each. What is larger is not stored time and again, but at the end. */
const MAX_SNAPSHOT_BYTES = 128 * 1024 ** 2;

/**
 * Takes what the agent has done so far, conversation and files of one moment, checks it as the
 * harvest does, and stores it. Undefined where nothing has changed since the last one, or there is
 * nothing that a later attempt could go on from.
 *
 * @throws whatever keeps it from being taken; the agent goes on all the same
 */
export async function takeSnapshot(
  scope: AttemptScope,
  signal: AbortSignal,
): Promise<SessionSnapshot | undefined> {
  const { executor, name, directory, log } = scope;
  const sessionFiles = sessionPaths(scope);
  if (sessionFiles.length === 0) return undefined;
  const dir = await directory.freshHarvestDir();
  try {
    const toDir = dir;
    const maxBytes = MAX_SNAPSHOT_BYTES;
    const taken = await executor.snapshot(name, { sessionFiles, toDir, maxBytes, signal });
    if (taken === undefined) return undefined;
    const { bundlePath, patchPath } = taken;
    const commits = bundlePath
      ? await checkedBundle(scope, bundlePath, join(dir, "quarantine"), signal)
      : {};
    const patch = patchPath
      ? await checkedPatch(scope, patchPath, commits.passed, join(dir, "patched"), signal)
      : {};
    const error = commits.error ?? patch.error;
    if (error !== undefined || patch.applies === false) {
      log.warn({ error }, "snapshot not kept");
      return undefined;
    }
    const commit = commits.passed?.commit ?? taken.commit;
    const conversation = await conversationOf(scope, taken.session, commit);
    if (conversation === undefined) return undefined;
    const found: Harvested = {
      shallow: [],
      lfsObjectsMissing: 0,
      forcedCommit: false,
      ...commits.kept,
      ...patch.kept,
      conversation,
    };
    const digest = await digestOf(scope, found, conversation);
    if (digest === scope.lastSnapshot) return undefined;
    signal.throwIfAborted();
    const { made } = await uploadWork(scope, found);
    scope.lastSnapshot = digest;
    return made.snapshot;
  } finally {
    await directory.removeHarvestDir(dir);
  }
}

/** Tells one state of an attempt from another. */
async function digestOf(
  { directory }: AttemptScope,
  { patchPath }: Harvested,
  { commit, archive }: NonNullable<Harvested["conversation"]>,
): Promise<string> {
  const patch = createHash("sha256");
  if (patchPath !== undefined) {
    for await (const bytes of directory.read(patchPath)) patch.update(bytes);
  }
  const session = createHash("sha256").update(archive).digest("hex");
  return `${commit} ${patch.digest("hex")} ${session}`;
}
