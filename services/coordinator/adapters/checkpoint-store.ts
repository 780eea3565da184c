import { type Bus, decode, encode } from "@pitaya/bus";
import { buckets, CHECKPOINT_KEY, FoldCheckpoint } from "@pitaya/protocol";
import type { Logger } from "pino";
import { FOLD_VERSION, packRuns, unpackRuns } from "../fold/checkpoint.ts";
import { type FoldedRun, isFinalRun } from "../fold/folded-run.ts";
import type { LogFold } from "../fold/log-fold.ts";

/** Where folds are kept so that nobody has to read the whole log again. A cache: losing it costs time. */
export interface CheckpointStore {
  /** The last one, if it is of this log and can be read; otherwise the log is to be read whole. */
  load(): Promise<{ readonly position: number; readonly runs: readonly FoldedRun[] } | undefined>;
  /** @param runs as they stand at `position`; taken before this returns to its caller */
  save(position: number, runs: Iterable<FoldedRun>): Promise<void>;
}

export function checkpointStore(bus: Bus, log: Logger): CheckpointStore {
  const bucket = bus.bucket(buckets.runs);

  async function current(): Promise<FoldCheckpoint | undefined> {
    const entry = await bucket.get(CHECKPOINT_KEY);
    return entry && decode(FoldCheckpoint, entry.value, "The checkpoint");
  }

  async function load() {
    const found = await current();
    if (found === undefined) return undefined;
    const { blob, sequence, created, fold } = found;
    const now = await bus.events.state();
    // A stream that went back gives its sequences out anew: what was folded of it may not be there.
    if (fold !== FOLD_VERSION || created !== now.created || sequence > now.lastSequence) {
      return undefined;
    }
    const parts: Uint8Array[] = [];
    for await (const part of bus.blobs.get(blob)) parts.push(part);
    return { position: sequence, runs: unpackRuns(Buffer.concat(parts)) };
  }

  return {
    async load() {
      try {
        return await load();
      } catch (error) {
        log.warn({ err: error }, "checkpoint not used; the log is read from its beginning");
        return undefined;
      }
    },
    async save(position, runs) {
      const bytes = packRuns([...runs].filter((run) => !isFinalRun(run)));
      const [{ created }, before] = await Promise.all([
        bus.events.state(),
        // One that cannot be read is in nobody's way: it is written over.
        current().catch(() => undefined),
      ]);
      const blob = await bus.blobs.put(async function* () {
        yield bytes;
      });
      const value = { v: 1, blob, sequence: position, created, fold: FOLD_VERSION } as const;
      await bucket.put(CHECKPOINT_KEY, encode(FoldCheckpoint, value));
      // Whoever reads that one now reads the log instead.
      if (before && before.blob.sha256 !== blob.sha256) await bus.upkeep.removeBlob(before.blob);
    },
  };
}

export interface CheckpointKeeper {
  /** Saves one when enough was folded since the last; called after each message. */
  due(fold: LogFold): void;
  /** Saves one before this process goes, where that spares its successor some reading. */
  last(fold: LogFold): Promise<void>;
}

/** Worth a checkpoint at the end of a coordinator's life. */
const LAST_EVERY = 500;

export function checkpointKeeper(
  store: CheckpointStore,
  log: Logger,
  every: number,
  savedAt: number,
): CheckpointKeeper {
  let saved = savedAt;
  let saving: Promise<void> | undefined;

  function save({ position, runs }: LogFold): Promise<void> {
    saved = position;
    saving = store
      .save(position, runs.values())
      .catch((error: unknown) => log.warn({ err: error }, "checkpoint not saved"))
      .finally(() => {
        saving = undefined;
      });
    return saving;
  }

  return {
    due(fold) {
      if (saving === undefined && fold.position - saved >= every) void save(fold);
    },
    async last(fold) {
      await saving;
      if (fold.position - saved >= Math.min(every, LAST_EVERY)) await save(fold);
    },
  };
}
