import { stat } from "node:fs/promises";
import { PitayaError } from "@pitaya/protocol";
import type { AttemptSpec } from "../../ports/executor.port.ts";
import type { Helpers } from "./helper-container.ts";
import { volumeMount } from "./mounts.ts";
import type { Naming } from "./names.ts";
import { packMounts } from "./packs.ts";
import { AGENT_USER, PLACE } from "./places.ts";

const DOES_NOT_FIT = 3;

/** Whether an attempt begins with more than its checkout. */
export const needsFilling = ({ restored, files = [] }: AttemptSpec): boolean =>
  restored !== undefined || files.length > 0;

/**
 * Lays files of ours, and what an earlier attempt left, over a workspace whose container has not been
 * started: in a helper, as the agent's user, since what an agent made is never looked at with more
 * rights.
 *
 * @throws `session_lost` where the patch does not fit, `disk_full`
 */
export async function fillIn(
  helpers: Helpers,
  naming: Naming,
  options: {
    readonly spec: AttemptSpec;
    readonly script: string;
    readonly image: string;
  },
): Promise<void> {
  const { spec, script, image } = options;
  const { patchPath, session = [] } = spec.restored ?? {};
  const placed = [
    ...session.map(({ path, bytes }) => ({ root: PLACE.home, path, mode: "0600", bytes })),
    ...(spec.files ?? []).map(({ path, bytes, isExecutable }) => {
      return { root: PLACE.workspace, path, mode: isExecutable ? "0755" : "0644", bytes };
    }),
  ];
  const volumes = naming.volumes(spec.name);
  const labels = naming.labels("volume", spec.name);
  const patchBytes = patchPath === undefined ? 0 : (await stat(patchPath)).size;
  const { exitCode, stderr } = await helpers.run({
    name: naming.fillIn(spec.name),
    labels,
    image,
    script,
    args: [
      String(patchBytes),
      ...placed.flatMap(({ root, path, mode, bytes }) => [root, path, mode, String(bytes.length)]),
    ],
    user: AGENT_USER,
    env: ["HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C"],
    host: { Memory: spec.limits.memoryBytes, MemorySwap: spec.limits.memoryBytes },
    mounts: [
      volumeMount({ volume: volumes.work, at: PLACE.workspace, labels }),
      volumeMount({ volume: volumes.home, at: PLACE.home, labels }),
      ...packMounts(naming, spec.workspace.packs),
    ],
    input: [
      ...(patchPath === undefined ? [] : [{ path: patchPath, start: 0 }]),
      ...placed.map(({ bytes }) => bytes),
    ],
  });
  if (exitCode === 0) return;
  const why = stderr.trim().slice(-500);
  if (/no space left on device/i.test(why)) {
    throw new PitayaError("disk_full", `The engine's disk is full: filling in failed: ${why}`);
  }
  if (exitCode === DOES_NOT_FIT) {
    throw new PitayaError("session_lost", `The snapshot does not fit the workspace: ${why}`);
  }
  throw new PitayaError(
    "engine_unavailable",
    `Filling in what it begins with failed with code ${exitCode}: ${why}`,
  );
}
