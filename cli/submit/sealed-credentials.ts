import { type Bus, decode, type Sealer } from "@pitaya/bus";
import { buckets, CoordinatorEntry, isPitayaError, type SealedSecrets } from "@pitaya/protocol";

/** Values an agent gets, by the name it gets them under. Never stored, never printed. */
export type Credentials = Readonly<Record<string, string>>;

/**
 * The credentials in one box for each coordinator that is alive, which it alone can open. None where
 * the agent needs no credentials.
 */
export async function sealForCoordinators(
  bus: Pick<Bus, "bucket">,
  sealer: Sealer,
  run: string,
  credentials: Credentials,
): Promise<SealedSecrets[]> {
  if (Object.keys(credentials).length === 0) return [];
  const entries = await bus.bucket(buckets.coordinators).entries();
  return entries.flatMap(({ value }) => {
    const curveKey = curveKeyIn(value);
    if (curveKey === undefined) return [];
    return [sealer.seal(curveKey, { v: 1, run, values: credentials })];
  });
}

/** One announcement that is not understood, of a newer version perhaps, does not shut out the others. */
function curveKeyIn(announcement: Uint8Array): string | undefined {
  try {
    return decode(CoordinatorEntry, announcement, "The announcement of a coordinator").curveKey;
  } catch (error) {
    if (isPitayaError(error)) return undefined;
    throw error;
  }
}
