import type { Clock } from "@pitaya/actors";
import type { Bus } from "@pitaya/bus";
import { buckets, type Ownerless } from "@pitaya/protocol";
import { ownerlessIn, type StoreLook } from "./ownership.rules.ts";

export interface CollectOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  /** Between the two looks. */
  readonly waitMs: number;
  readonly remove: boolean;
  /** Aborts when this coordinator decides no longer. */
  readonly signal: AbortSignal;
  look(): Promise<StoreLook>;
}

export interface Collected {
  readonly ownerless: readonly Ownerless[];
  readonly removed: number;
}

/** Mark, wait, look again, and delete what nobody owned either time. */
export async function collectStore(first: StoreLook, options: CollectOptions): Promise<Collected> {
  const { bus, clock, signal } = options;
  const marked = new Set(ownerlessIn(first).map(nameOf));
  await new Promise<void>((done) => clock.setTimer(options.waitMs, done));
  const second = await options.look();
  const ownerless = ownerlessIn(second).filter((item) => marked.has(nameOf(item)));
  if (!options.remove) return { ownerless, removed: 0 };
  let removed = 0;
  for (const item of ownerless) {
    signal.throwIfAborted();
    if (await removeOne(bus, item)) removed += 1;
  }
  return { ownerless, removed };
}

const nameOf = ({ kind, name }: Ownerless) => `${kind} ${name}`;

/** @returns false where somebody came to own it at the last moment */
async function removeOne(bus: Bus, { kind, name }: Ownerless): Promise<boolean> {
  switch (kind) {
    case "blob":
    case "upload": {
      if ((await bus.bucket(buckets.pins).get(name)) !== undefined) return false;
      const [writer = "", sha256 = ""] = name.split(".");
      await bus.upkeep.removeBlob({ writer, sha256 });
      return true;
    }
    case "consumer":
      if (name.includes("/")) await bus.upkeep.removeStrayConsumer(name);
      else await bus.upkeep.removeQueue(name);
      return true;
    case "command":
      await bus.upkeep.removeOrders(name);
      return true;
    case "key": {
      const [bucket, key = ""] = name.split("/");
      const of = bucket === buckets.runs.name ? buckets.runs : buckets.runners;
      await bus.bucket(of).delete(key);
      return true;
    }
    default:
      // A runner's, on its host.
      return false;
  }
}
