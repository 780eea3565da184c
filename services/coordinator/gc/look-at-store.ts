import { type Bus, decode, type StoredBlob } from "@pitaya/bus";
import {
  ALL_EVENTS,
  type BlobRef,
  buckets,
  CHECKPOINT_KEY,
  FoldCheckpoint,
  isPitayaError,
  ProcessId,
} from "@pitaya/protocol";
import { blobsNamedIn } from "./blob-references.rules.ts";
import { blobKey, type SeenBlob, type SeenRunner, type StoreLook } from "./ownership.rules.ts";

/** What the log names, as far as it was read. */
interface ReadLog {
  readonly upTo: number;
  /** By `<writer>.<sha256>`, with the parents that the reference names. */
  readonly named: Map<string, readonly string[]>;
  readonly runs: Set<string>;
}

/** Reads of manifests under way at a time. */
const WINDOW = 32;

export interface StoreSurveyor {
  /** Everything that is there, then everything that can own it: what came between is owned. */
  look(): Promise<StoreLook>;
}

/**
 * Looks the store over. What was read of the log once is not read again: it only grows, and what a
 * run that was pruned since had named is found the next time.
 */
export function storeSurveyor(bus: Bus, now: () => number): StoreSurveyor {
  let log: ReadLog = { upTo: 0, named: new Map(), runs: new Set() };

  return {
    async look() {
      const [stored, queues, strayConsumers, orders] = await Promise.all([
        bus.upkeep.blobs(),
        bus.upkeep.queues(),
        bus.upkeep.strayConsumers(),
        bus.upkeep.orders(),
      ]);
      const [pins, runners, listed] = await Promise.all([
        keysOf(bus, buckets.pins),
        seenRunners(bus),
        keysOf(bus, buckets.runs),
      ]);
      log = await readOn(bus, log);
      const named = new Map([...log.named, ...(await namedByCheckpoint(bus))]);
      return {
        at: now(),
        blobs: await withParents(bus, stored, named),
        pins: new Set(pins),
        named: new Set(named.keys()),
        runs: new Set(log.runs),
        listed: listed.filter((key) => key !== CHECKPOINT_KEY),
        runners,
        queues,
        strayConsumers,
        orders,
      };
    },
  };
}

async function keysOf(bus: Bus, bucket: Parameters<Bus["bucket"]>[0]): Promise<readonly string[]> {
  return (await bus.bucket(bucket).entries()).map(({ key }) => key);
}

async function readOn(bus: Bus, before: ReadLog): Promise<ReadLog> {
  let { upTo } = before;
  const { named, runs } = before;
  for await (const { subject, sequence, payload } of bus.events.read([ALL_EVENTS], upTo + 1)) {
    upTo = sequence;
    const run = subject.split(".")[3];
    if (run !== undefined) runs.add(run);
    const text = Buffer.from(payload).toString();
    if (!text.includes('"sha256"')) continue;
    for (const blob of blobsNamedIn(json(text))) {
      named.set(blobKey(blob), [...(named.get(blobKey(blob)) ?? []), ...blob.parents]);
    }
  }
  return { upTo, named, runs };
}

/** A message that cannot be read names nothing. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

async function namedByCheckpoint(bus: Bus): Promise<ReadonlyMap<string, readonly string[]>> {
  const entry = await bus.bucket(buckets.runs).get(CHECKPOINT_KEY);
  if (entry === undefined) return new Map();
  const { blob } = decode(FoldCheckpoint, entry.value, "The checkpoint");
  return new Map([[blobKey(blob), blob.parents]]);
}

/** What the log names is known with its parents; of the rest the manifests are read. */
async function withParents(
  bus: Bus,
  stored: readonly StoredBlob[],
  named: ReadonlyMap<string, readonly string[]>,
): Promise<readonly SeenBlob[]> {
  const seen: SeenBlob[] = [];
  const left = stored[Symbol.iterator]();
  const read = async () => {
    for (const blob of left) {
      const parents = named.get(blobKey(blob));
      const manifest = parents || !blob.whole ? undefined : await manifestOf(bus, blob);
      seen.push({
        ...blob,
        parents: parents ?? manifest?.parents ?? [],
        ...(manifest && { bytes: manifest.bytes }),
      });
    }
  };
  await Promise.all(Array.from({ length: WINDOW }, read));
  return seen;
}

/** A manifest that cannot be read says nothing; its blob is none that anybody could use. */
async function manifestOf(bus: Bus, blob: StoredBlob): Promise<BlobRef | undefined> {
  try {
    return await bus.upkeep.manifest(blob);
  } catch (error) {
    if (isPitayaError(error, "malformed_message")) return undefined;
    throw error;
  }
}

async function seenRunners(bus: Bus): Promise<readonly SeenRunner[]> {
  const entries = await bus.bucket(buckets.runners).entries();
  const byRunner = Map.groupBy(entries, ({ key }) => key.split(".")[0] ?? key);
  return [...byRunner].flatMap(([runner, its]): SeenRunner[] => {
    if (!ProcessId.safeParse(runner).success) return [];
    const told = its.find(({ key }) => key === `${runner}.about`)?.writtenAt.getTime();
    return [
      {
        runner,
        keys: its.map(({ key }) => key).filter((key) => key !== runner),
        alive: its.some(({ key }) => key === runner),
        ...(told === undefined ? {} : { toldAt: told }),
      },
    ];
  });
}
