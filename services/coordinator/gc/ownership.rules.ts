import type { Ownerless } from "@pitaya/protocol";
import { BLOB_PART_BYTES, runnerConsumers } from "@pitaya/protocol";

export interface SeenBlob {
  readonly writer: string;
  readonly sha256: string;
  readonly parts: number;
  readonly whole: boolean;
  /** Of its manifest. */
  readonly bytes?: number;
  readonly parents: readonly string[];
}

/** What a runner's keys say of it. */
export interface SeenRunner {
  readonly runner: string;
  /** Its keys that do not lapse. */
  readonly keys: readonly string[];
  readonly alive: boolean;
  /** When it last told about itself, epoch milliseconds; it does so at least once an hour. */
  readonly toldAt?: number;
}

/** The store as it was found, with all that can own something in it. */
export interface StoreLook {
  readonly at: number;
  readonly blobs: readonly SeenBlob[];
  /** `<writer>.<sha256>` of what somebody says is wanted. */
  readonly pins: ReadonlySet<string>;
  /** `<writer>.<sha256>` of what the log or a checkpoint names. */
  readonly named: ReadonlySet<string>;
  /** Runs that have events. */
  readonly runs: ReadonlySet<string>;
  /** Keys in the list of runs, but for the checkpoint's: of runs, as a rule. */
  readonly listed: readonly string[];
  readonly runners: readonly SeenRunner[];
  readonly queues: readonly string[];
  /** Durable consumers where Pitaya has none, `<stream>/<name>`. */
  readonly strayConsumers: readonly string[];
  /** Orders waiting, by runner. */
  readonly orders: ReadonlyMap<string, number>;
}

/** A runner unheard of for this long is not waited for any more. */
const GONE_AFTER_MS = 7 * 86_400_000;

export const blobKey = ({ writer, sha256 }: { writer: string; sha256: string }): string =>
  `${writer}.${sha256}`;

/** Runners that are alive, or were not long ago: their queues, orders and keys are theirs. */
export const knownRunners = ({ at, runners }: StoreLook): readonly SeenRunner[] =>
  runners.filter(
    ({ alive, toldAt }) => alive || (toldAt !== undefined && at - toldAt < GONE_AFTER_MS),
  );

/** Everything in the store that nobody owns. Pure. */
export function ownerlessIn(look: StoreLook): readonly Ownerless[] {
  const stray = look.strayConsumers.map(
    (name): Ownerless => ({ kind: "consumer", name, reason: "Pitaya has none on that stream" }),
  );
  return [...ownerlessBlobs(look), ...ofRunnersGone(look), ...stray, ...listedWithoutLog(look)];
}

function ownerlessBlobs({ blobs, pins, named }: StoreLook): readonly Ownerless[] {
  const kept = keptBlobs(blobs, (key) => pins.has(key) || named.has(key));
  return blobs.flatMap((blob): Ownerless[] => {
    const name = blobKey(blob);
    if (kept.has(name)) return [];
    if (blob.whole) {
      const bytes = blob.bytes === undefined ? {} : { bytes: blob.bytes };
      return [{ kind: "blob", name, ...bytes, reason: "no run, pin or blob refers to it" }];
    }
    // Parts are full but for the last.
    const bytes = blob.parts * BLOB_PART_BYTES;
    const reason = "parts of an upload that did not finish, and whoever made it is gone";
    return [{ kind: "upload", name, bytes, reason }];
  });
}

/** What is owned, and what that cannot be used without. A parent is named by its content alone. */
function keptBlobs(
  blobs: readonly SeenBlob[],
  isOwned: (key: string) => boolean,
): ReadonlySet<string> {
  const byContent = Map.groupBy(blobs, ({ sha256 }) => sha256);
  const kept = new Set<string>();
  const next = blobs.filter((blob) => isOwned(blobKey(blob)));
  for (let blob = next.pop(); blob !== undefined; blob = next.pop()) {
    const key = blobKey(blob);
    if (kept.has(key)) continue;
    kept.add(key);
    next.push(...blob.parents.flatMap((parent) => byContent.get(parent) ?? []));
  }
  return kept;
}

function ofRunnersGone(look: StoreLook): readonly Ownerless[] {
  const known = knownRunners(look);
  const ids = new Set(known.map(({ runner }) => runner));
  const theirQueues = new Set<string>(
    known.flatMap(({ runner }) => Object.values(runnerConsumers(runner)).map(({ name }) => name)),
  );
  const reason = "its runner is gone";
  return [
    ...look.queues
      .filter((name) => !theirQueues.has(name))
      .map((name): Ownerless => ({ kind: "consumer", name, reason })),
    ...[...look.orders.keys()]
      .filter((runner) => !ids.has(runner))
      .map((name): Ownerless => ({ kind: "command", name, reason: `orders wait, and ${reason}` })),
    ...look.runners
      .filter(({ runner }) => !ids.has(runner))
      .flatMap(({ keys }) => keys)
      .map((key): Ownerless => ({ kind: "key", name: `PITAYA_RUNNERS/${key}`, reason })),
  ];
}

const listedWithoutLog = ({ listed, runs }: StoreLook): readonly Ownerless[] =>
  listed
    .filter((run) => !runs.has(run))
    .map((run) => ({
      kind: "key",
      name: `PITAYA_RUNS/${run}`,
      reason: "listed, and the log has no such run",
    }));
