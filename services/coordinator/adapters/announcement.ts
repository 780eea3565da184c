import type { Clock } from "@pitaya/actors";
import { type Bus, decode, encode } from "@pitaya/bus";
import { buckets, CoordinatorEntry } from "@pitaya/protocol";
import type { Logger } from "pino";

/** This process as those who seal to it know it: one key under its coordinator's name. */
export interface Announcement {
  /** Resolves when it was tried for the first time. */
  readonly tried: Promise<void>;
  /** Aborts when another process of the same name announces another key: this one must end. */
  readonly superseded: AbortSignal;
  /** Takes the entry back, where it is still its own. */
  withdraw(): Promise<void>;
}

/**
 * Announces itself again and again. The first entry is written whatever is there, since the process
 * that a restart follows is dead; the later ones only over its own, so that of two that live the one
 * started last remains.
 */
export function announce(options: {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly entry: CoordinatorEntry;
}): Announcement {
  const { clock, log, entry } = options;
  const key = entry.coordinator;
  const bucket = options.bus.bucket(buckets.coordinators);
  const value = encode(CoordinatorEntry, entry);
  const superseded = new AbortController();
  let revision: number | undefined;
  let isOver = false;
  let cancelTimer: () => void = () => undefined;

  async function write(): Promise<void> {
    if (revision === undefined) {
      revision = await bucket.put(key, value);
      return;
    }
    const next = await bucket.replace(key, value, revision);
    if (next !== undefined) {
      revision = next;
      return;
    }
    const there = await bucket.get(key);
    if (there === undefined) {
      // It has lapsed. Whoever is first to write it anew remains; the other finds that next time.
      revision = (await bucket.replace(key, value, 0)) ?? revision;
    } else if (there.revision > revision) {
      const { curveKey } = decode(CoordinatorEntry, there.value, "The coordinator's entry");
      if (curveKey === entry.curveKey) revision = there.revision;
      else superseded.abort();
    }
  }

  async function tell(): Promise<void> {
    try {
      await write();
    } catch (error) {
      log.warn({ err: error }, "could not announce itself");
    }
    if (isOver || superseded.signal.aborted) return;
    cancelTimer = clock.setTimer(buckets.coordinators.ttlMs / 3, () => void tell());
  }

  return {
    tried: tell(),
    superseded: superseded.signal,
    async withdraw() {
      isOver = true;
      cancelTimer();
      if (superseded.signal.aborted || revision === undefined) return;
      // Written once more, it is its own for as long as it takes to remove it.
      if ((await bucket.replace(key, value, revision)) !== undefined) await bucket.delete(key);
    },
  };
}
