import { join } from "node:path";
import { type ErrorCode, isPitayaError, PitayaError, type SessionSnapshot } from "@pitaya/protocol";
import { unpackSession } from "../adapters/session-archive.ts";
import type { Resumed } from "../domain/attempt-spec.rules.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { MAX_HARVEST_BYTES } from "./harvest.ts";
import { findPlugin } from "./prepare.ts";

/**
 * Brings the base to the engine, for the workspace, and to this host, for quarantine: a base that
 * cannot be checked against is found out before an agent is paid for, not after. After it, the
 * snapshot that the attempt goes on from, if there is one.
 *
 * @throws `session_lost` for a snapshot that is not there whole
 */
export async function fetchBase(scope: AttemptScope): Promise<void> {
  const { packs, command } = scope;
  const { base } = command.task;
  await Promise.all([packs.onEngine(base), packs.onHost(base)]);
  const { snapshot } = command;
  if (snapshot === undefined) return;
  try {
    scope.resumed = await fetchSnapshot(scope, snapshot);
  } catch (error) {
    throw isPitayaError(error) && GONE.has(error.code) ? lost(error.message, error) : error;
  }
}

/** What another try at the same blobs would not mend. */
const GONE: ReadonlySet<ErrorCode> = new Set(["blob_missing", "blob_corrupt", "git_failed"]);

async function fetchSnapshot(scope: AttemptScope, snapshot: SessionSnapshot): Promise<Resumed> {
  const { bus, packs, command, directory } = scope;
  const { base } = command.task;
  const { sessionId, session, commit, bundle, patch } = snapshot;
  if ((bundle?.tip ?? base.commit) !== commit) {
    throw lost(`its commit ${commit} is not in its bundle`);
  }
  if (patch && patch.bytes > MAX_HARVEST_BYTES) throw lost(`its patch is ${patch.bytes} bytes`);
  const files = await unpackSession(
    bus.blobs.get(session),
    findPlugin(scope).sessionFiles(sessionId),
  );
  if (bundle) await packs.onEngine({ ...base, commit, bundles: [bundle, ...base.bundles] });
  const patchPath = patch && join(await directory.freshHarvestDir(), "patch");
  if (patch && patchPath) await directory.write(patchPath, bus.blobs.get(patch));
  return {
    sessionId,
    commit,
    ...(bundle && { bundle }),
    restored: { session: files, ...(patchPath && { patchPath }) },
  };
}

const lost = (why: string, cause?: Error) =>
  new PitayaError("session_lost", `The snapshot to go on from cannot be used: ${why}`, {
    ...(cause && { cause }),
  });
