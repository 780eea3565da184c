import { join } from "node:path";
import { errorRecord, PitayaError } from "@pitaya/protocol";
import type { Harvested } from "../domain/attempt.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { checkedBundle, checkedPatch } from "./checked-work.ts";
import { conversationOf, sessionPaths } from "./conversation.ts";

/** Most bytes of one file that are copied out of a container. */
export const MAX_HARVEST_BYTES = 1024 ** 3;

/**
 * Takes what the agent made out of its container and checks it on this host. Whatever comes out is
 * the agent's word: commit, counts and ancestry are computed here, from the bundle in quarantine.
 *
 * What is refused is told in `error`, beside whatever else can be kept.
 *
 * @param wantsConversation a later attempt may go on from here
 * @throws `harvest_failed`, `engine_unavailable`
 */
export async function collectHarvest(
  scope: AttemptScope,
  wantsConversation: boolean,
  signal: AbortSignal,
): Promise<Harvested> {
  const { executor, name, directory, log } = scope;
  const paths = wantsConversation ? sessionPaths(scope) : [];
  const dir = await directory.freshHarvestDir();
  const found = await executor.harvest(name, dir, MAX_HARVEST_BYTES, paths);
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
  const commit = commits.passed?.commit ?? found.head;
  const isWhole = error === undefined && commit !== undefined && patch.applies !== false;
  const conversation = isWhole ? await conversationOf(scope, found.session, commit) : undefined;
  return {
    shallow: [],
    lfsObjectsMissing: 0,
    forcedCommit: found.forcedCommit,
    ...commits.kept,
    ...patch.kept,
    ...(conversation && { conversation }),
    ...(error === undefined ? {} : { error }),
  };
}
