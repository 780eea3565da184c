import { type Bus, decode } from "@pitaya/bus";
import { buckets, isPitayaError, RunnerAbout } from "@pitaya/protocol";
import { PARALLEL, type Parallel } from "../settings/from-flags.rules.ts";

/**
 * How many instances `--parallel` lets run at once: its share of the slots that all runners offer.
 * Undefined where nobody offers any yet.
 */
export async function slotsFor(
  bus: Pick<Bus, "bucket">,
  parallel: Parallel,
): Promise<number | undefined> {
  const entries = await bus.bucket(buckets.runners).entries();
  const offered = entries
    .filter(({ key }) => key.endsWith(".about"))
    .reduce((sum, { value }) => sum + slotsIn(value), 0);
  if (offered === 0) return undefined;
  return Math.max(1, Math.floor(offered * PARALLEL[parallel].share));
}

/** One announcement that is not understood, of a newer version perhaps, offers nothing. */
function slotsIn(announcement: Uint8Array): number {
  try {
    return decode(RunnerAbout, announcement, "What a runner says of itself").slots;
  } catch (error) {
    if (isPitayaError(error)) return 0;
    throw error;
  }
}
