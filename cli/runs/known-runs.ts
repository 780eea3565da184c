import { type Bus, decode } from "@pitaya/bus";
import { buckets, isPitayaError, RunProjection } from "@pitaya/protocol";

/** Every run the store knows, newest first. */
export async function knownRuns(bus: Pick<Bus, "bucket">): Promise<readonly RunProjection[]> {
  const entries = await bus.bucket(buckets.runs).entries();
  return entries
    .flatMap(({ value }) => readProjection(value))
    .sort((a, b) => (a.run < b.run ? 1 : -1));
}

/** A tombstone of a pruned run, or an entry of a newer version, is none that can be listed. */
function readProjection(value: Uint8Array): readonly RunProjection[] {
  try {
    return [decode(RunProjection, value, "An entry of the list of runs")];
  } catch (error) {
    if (isPitayaError(error)) return [];
    throw error;
  }
}
