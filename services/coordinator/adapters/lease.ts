import type { Clock } from "@pitaya/actors";
import { type Bus, decode, encode } from "@pitaya/bus";
import { buckets, CoordinatorLease, type ProcessId } from "@pitaya/protocol";

const KEY = "coordinator";

/** In the length of a lease, by one that stands by; and once its holder has been silent for half of it. */
const LOOKS = 10;
const LOOKS_WHEN_SILENT = 100;

/** Renewals in the length of a lease. */
const RENEWALS = 4;

export interface LeaseOptions {
  readonly bus: Bus;
  readonly coordinator: ProcessId;
  readonly clock: Clock;
  readonly leaseMs: number;
  /**
   * The holder before is known to be dead (the embedded stack's lock proves it), so its lease is
   * taken at once instead of waited out.
   */
  readonly takeOver: boolean;
  /**
   * It has held the lease before. A lease of its own name is then not one that an earlier start left,
   * but that of another process, started in its place while it stood still.
   */
  readonly hasHeld: boolean;
  readonly signal: AbortSignal;
  /** Told of each renewal that the bus has answered. */
  readonly onRenewed?: () => void;
}

export interface HeldLease {
  /** Revision of the write that won it. */
  readonly epoch: number;
  /** Aborts when it could not be renewed in time, or somebody else holds it. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** Waits until this process decides. @throws when `signal` aborts first */
export async function holdLease(options: LeaseOptions): Promise<HeldLease> {
  const bucket = options.bus.bucket(buckets.leases);
  const ttl = { ttlMs: options.leaseMs };
  const since = new Date(options.clock.now()).toISOString();
  const { coordinator } = options;
  const value = encode(CoordinatorLease, { v: 1, coordinator, since });

  async function win(): Promise<number> {
    let last: { readonly revision: number; readonly seenAt: number } | undefined;
    for (;;) {
      options.signal.throwIfAborted();
      const current = await bucket.get(KEY);
      const now = options.clock.now();
      if (current && current.revision !== last?.revision) {
        last = { revision: current.revision, seenAt: now };
      }
      if (current === undefined || options.takeOver) {
        const revision = await bucket.replace(KEY, value, current?.revision ?? 0, ttl);
        if (revision !== undefined) return revision;
      } else {
        const holder = decode(CoordinatorLease, current.value, "The coordinator's lease");
        if (holder.coordinator === coordinator && !options.hasHeld) {
          const revision = await bucket.replace(KEY, value, current.revision, ttl);
          if (revision !== undefined) return revision;
        }
      }
      const isSilent = last !== undefined && now - last.seenAt > options.leaseMs / 2;
      const pauseMs = options.leaseMs / (isSilent ? LOOKS_WHEN_SILENT : LOOKS);
      await pause(options.clock, pauseMs, options.signal);
    }
  }

  const epoch = await win();
  const lost = new AbortController();
  let revision = epoch;
  let renewedAt = options.clock.now();
  let cancelTimer: () => void = () => undefined;

  const renewLater = () => {
    cancelTimer = options.clock.setTimer(options.leaseMs / RENEWALS, () => void renew());
  };
  async function renew(): Promise<void> {
    if (lost.signal.aborted) return;
    const asked = options.clock.now();
    try {
      const next = await bucket.replace(KEY, value, revision, ttl);
      if (next === undefined) return lost.abort();
      revision = next;
      renewedAt = asked;
      options.onRenewed?.();
    } catch {
      // The bus is away: the lease stands until its time is over, and is asked for again until then.
      if (options.clock.now() - renewedAt > options.leaseMs) return lost.abort();
    }
    renewLater();
  }
  renewLater();

  return {
    epoch,
    lost: lost.signal,
    async release() {
      cancelTimer();
      if (lost.signal.aborted) return;
      lost.abort();
      // It may have lapsed unnoticed and be another's by now. Renewed, it is ours for as long as it
      // takes to give it up.
      if ((await bucket.replace(KEY, value, revision, ttl)) !== undefined) await bucket.delete(KEY);
    },
  };
}

function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const cancel = clock.setTimer(delayMs, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    const stop = () => {
      cancel();
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
}
