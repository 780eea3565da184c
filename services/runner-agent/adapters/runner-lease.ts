import { type Bucket, decode, encode } from "@pitaya/bus";
import { RunnerLiveness } from "@pitaya/protocol";

/** A runner's liveness key, held by one incarnation. */
export interface RunnerLease {
  /**
   * Writes it anew, for another `leaseMs`. The first write takes it over from an earlier incarnation
   * of this runner (without `takeOver` it does not); later ones only go on from this one's.
   *
   * @returns `superseded` when a later incarnation holds it: this one must stop
   * @throws what the bus failed with; whether it was written is not known then
   */
  renew(value: RunnerLiveness): Promise<"held" | "superseded">;
  /** Whether a later incarnation holds it. @throws what the bus failed with */
  isOthers(): Promise<boolean>;
  /** Gives it up at once, if it is still this incarnation's. */
  release(): Promise<void>;
}

export function runnerLease(
  bucket: Pick<Bucket, "get" | "put" | "replace" | "delete">,
  key: string,
  leaseMs: number,
  { takeOver }: { readonly takeOver: boolean } = { takeOver: true },
): RunnerLease {
  const ttl = { ttlMs: leaseMs };
  let revision: number | undefined;
  let incarnation = "";

  /** After a refusal: gone, ours by a write whose answer was lost, or another's. */
  async function reconcile(payload: Uint8Array): Promise<"held" | "superseded"> {
    const entry = await bucket.get(key);
    if (entry !== undefined && incarnationOf(entry.value) !== incarnation) return "superseded";
    revision = await bucket.replace(key, payload, entry?.revision ?? 0, ttl);
    // Lost again, within one round trip: the next renewal looks once more.
    revision ??= entry?.revision ?? 0;
    return "held";
  }

  return {
    async renew(value) {
      const payload = encode(RunnerLiveness, value);
      incarnation = value.incarnation;
      if (revision === undefined) {
        if (!takeOver) return reconcile(payload);
        revision = await bucket.put(key, payload, ttl);
        return "held";
      }
      const renewed = await bucket.replace(key, payload, revision, ttl);
      if (renewed === undefined) return reconcile(payload);
      revision = renewed;
      return "held";
    },
    async isOthers() {
      const entry = await bucket.get(key);
      return entry !== undefined && incarnationOf(entry.value) !== incarnation;
    },
    async release() {
      const entry = await bucket.get(key);
      if (entry !== undefined && incarnationOf(entry.value) === incarnation)
        await bucket.delete(key);
    },
  };
}

function incarnationOf(payload: Uint8Array): string | undefined {
  try {
    return decode(RunnerLiveness, payload, "A runner's liveness").incarnation;
  } catch {
    // Whoever wrote this is not us.
    return undefined;
  }
}
