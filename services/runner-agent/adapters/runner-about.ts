import type { Clock } from "@pitaya/actors";
import { type Bucket, decode, encode } from "@pitaya/bus";
import { RunnerAbout } from "@pitaya/protocol";
import type { z } from "zod";

/**
 * What a runner tells of itself beside that it lives. The first write takes the key over; later ones
 * go on from it only, so an incarnation that was thought dead does not put its curve key, which
 * nobody is to seal to any more, in place of its successor's.
 */
export interface AboutKey {
  write(): Promise<void>;
  /** Something of it is different: written soon, and not more often than once a second. */
  changed(): void;
}

const AT_MOST_EVERY_MS = 1_000;

export function aboutKey(options: {
  readonly bucket: Pick<Bucket, "get" | "put" | "replace">;
  readonly runner: string;
  readonly current: () => z.input<typeof RunnerAbout>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onTrouble: (error: unknown) => void;
}): AboutKey {
  const { bucket, runner, current, clock, signal } = options;
  let due = false;
  const key = `${runner}.about`;
  let revision: number | undefined;
  const write = async () => {
    const about = current();
    const payload = encode(RunnerAbout, about);
    if (revision === undefined) {
      revision = await bucket.put(key, payload);
      return;
    }
    const next = await bucket.replace(key, payload, revision);
    if (next !== undefined) {
      revision = next;
      return;
    }
    // Gone, or ours by a write whose answer was lost, or another incarnation's.
    const entry = await bucket.get(key);
    if (entry !== undefined && curveKeyOf(entry.value) !== about.curveKey) return;
    revision = (await bucket.replace(key, payload, entry?.revision ?? 0)) ?? revision;
  };
  return {
    write,
    changed() {
      if (due || signal.aborted) return;
      due = true;
      const cancel = clock.setTimer(AT_MOST_EVERY_MS, () => {
        due = false;
        signal.removeEventListener("abort", cancel);
        write().catch(options.onTrouble);
      });
      signal.addEventListener("abort", cancel, { once: true });
    },
  };
}

const curveKeyOf = (payload: Uint8Array): string =>
  decode(RunnerAbout, payload, "What is known of this runner").curveKey;
