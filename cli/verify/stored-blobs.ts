import type { Bus } from "@pitaya/bus";
import { isPitayaError } from "@pitaya/protocol";
import type { NamedBlob, Violation } from "@pitaya/views";

/** Reads under way at a time. */
const WINDOW = 4;

/** Reads each blob to its end: one that is there, but is not what its name says, shows as well. */
export async function checkBlobs(
  bus: Pick<Bus, "blobs">,
  named: readonly NamedBlob[],
): Promise<readonly Violation[]> {
  const violations: Violation[] = [];
  const left = named[Symbol.iterator]();
  const read = async () => {
    for (const each of left) {
      const trouble = await troubleWith(bus, each);
      if (trouble !== undefined) violations.push(trouble);
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, read));
  return violations;
}

async function troubleWith(
  { blobs }: Pick<Bus, "blobs">,
  { blob, what, sequence }: NamedBlob,
): Promise<Violation | undefined> {
  try {
    for await (const _part of blobs.get(blob));
    return undefined;
  } catch (error) {
    const isGone = isPitayaError(error, "blob_missing") || isPitayaError(error, "blob_corrupt");
    if (!isGone) throw error;
    return { rule: "blob", sequence, message: `${what}: ${error.message}` };
  }
}
