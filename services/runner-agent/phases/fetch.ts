import { join } from "node:path";
import {
  type ErrorCode,
  isPitayaError,
  type KeptSession,
  PitayaError,
  type SessionSnapshot,
  type VerifySpec,
} from "@pitaya/protocol";
import { unpackSession } from "../adapters/session-archive.ts";
import type { Resumed } from "../domain/attempt-spec.rules.ts";
import type { PlacedFile, SessionFile } from "../ports/executor.port.ts";
import type { AttemptScope } from "./attempt-scope.ts";
import { MAX_HARVEST_BYTES } from "./harvest.ts";
import { findPlugin } from "./prepare.ts";

/**
 * Brings the branches to the engine, for the workspace, and the base to this host, for quarantine: a
 * base that cannot be checked against is found out before an agent is paid for, not after. After
 * them, what the attempt begins with beside them: a snapshot, another task's conversation, the files
 * of a check.
 *
 * @throws `session_lost` for a snapshot or conversation that is not there whole
 */
export async function fetchAll(scope: AttemptScope): Promise<void> {
  const { packs, command } = scope;
  const { base, includes = [], verify, session } = command.task;
  await Promise.all([
    packs.onEngine(base),
    ...includes.map((branch) => packs.onEngine(branch)),
    // Nothing of a check is taken out, so nothing is to be quarantined.
    verify === undefined && packs.onHost(base),
  ]);
  if (verify) scope.files = await fetchFiles(scope, verify);
  const { snapshot } = command;
  const from = session?.from;
  try {
    if (snapshot) scope.resumed = await fetchSnapshot(scope, snapshot);
    else if (from) {
      const files = await fetchSession(scope, from);
      const { sessionId } = from;
      scope.resumed = { sessionId, commit: base.commit, restored: { session: files } };
    }
  } catch (error) {
    throw isPitayaError(error) && GONE.has(error.code) ? lost(error.message, error) : error;
  }
}

/** What another try at the same blobs would not mend. */
const GONE: ReadonlySet<ErrorCode> = new Set(["blob_missing", "blob_corrupt", "git_failed"]);

async function fetchSnapshot(scope: AttemptScope, snapshot: SessionSnapshot): Promise<Resumed> {
  const { bus, packs, command, directory } = scope;
  const { base } = command.task;
  const { sessionId, commit, bundle, patch } = snapshot;
  if ((bundle?.tip ?? base.commit) !== commit) {
    throw lost(`its commit ${commit} is not in its bundle`);
  }
  if (patch && patch.bytes > MAX_HARVEST_BYTES) throw lost(`its patch is ${patch.bytes} bytes`);
  const files = await fetchSession(scope, snapshot);
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

function fetchSession(
  scope: AttemptScope,
  { sessionId, session }: KeptSession,
): Promise<readonly SessionFile[]> {
  const paths = findPlugin(scope).sessionFiles(sessionId);
  return unpackSession(scope.bus.blobs.get(session), paths);
}

/** Most bytes of all files of a check: they are in memory on their way. */
const MAX_CHECK_BYTES = 64 * 1024 ** 2;

async function fetchFiles(
  { bus }: AttemptScope,
  { files }: VerifySpec,
): Promise<readonly PlacedFile[]> {
  const bytes = files.reduce((sum, { blob }) => sum + blob.bytes, 0);
  if (bytes > MAX_CHECK_BYTES) {
    throw new PitayaError(
      "task_unsupported",
      `The files of a check are ${bytes} bytes together; the limit is ${MAX_CHECK_BYTES}.`,
    );
  }
  const fetched: PlacedFile[] = [];
  for (const { path, executable, blob } of files) {
    const parts = await Array.fromAsync(bus.blobs.get(blob));
    fetched.push({ path, bytes: Buffer.concat(parts), isExecutable: executable });
  }
  return fetched;
}

const lost = (why: string, cause?: Error) =>
  new PitayaError("session_lost", `The conversation to go on with cannot be used: ${why}`, {
    ...(cause && { cause }),
  });
