import { type Bus, decode } from "@pitaya/bus";
import { buckets, isPitayaError, RunId, RunProjection } from "@pitaya/protocol";

/** Every run the store knows, newest first. */
export const knownRuns = async (bus: Pick<Bus, "bucket">): Promise<readonly RunProjection[]> =>
  (await listedRuns(bus)).runs;

/** The same, and the runs whose row says nothing that this version understands. */
export async function listedRuns(bus: Pick<Bus, "bucket">): Promise<{
  readonly runs: readonly RunProjection[];
  readonly unreadable: readonly string[];
}> {
  const runs: RunProjection[] = [];
  const unreadable: string[] = [];
  for (const { key, value } of await bus.bucket(buckets.runs).entries()) {
    const row = readProjection(value);
    if (row !== undefined) runs.push(row);
    else if (RunId.safeParse(key).success) unreadable.push(key);
  }
  return { runs: runs.sort((a, b) => (a.run < b.run ? 1 : -1)), unreadable };
}

function readProjection(value: Uint8Array): RunProjection | undefined {
  try {
    return decode(RunProjection, value, "An entry of the list of runs");
  } catch (error) {
    if (isPitayaError(error)) return undefined;
    throw error;
  }
}
