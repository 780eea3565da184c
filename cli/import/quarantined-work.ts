import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Bus } from "@pitaya/bus";
import { type Change, noChange, quarantine, type Repository } from "@pitaya/git";
import type { BlobRef, BundleRef } from "@pitaya/protocol";

/** Writes a blob to a new file. @throws `blob_missing`, `blob_corrupt` */
export async function fetchBlob(
  bus: Pick<Bus, "blobs">,
  ref: BlobRef,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = createWriteStream(path, { mode: 0o600, flags: "wx" });
  await pipeline(Readable.from(bus.blobs.get(ref)), file, { signal });
}

/**
 * The commits of an attempt, fetched and checked: whoever wrote the bundle, nothing of it is
 * trusted before it passed quarantine on this machine.
 *
 * @param dir an existing directory that the caller removes when done with the result
 * @throws {PitayaError} `base_not_here`, `bundle_rejected`, `blob_missing`, `blob_corrupt`
 */
export async function quarantinedWork(options: {
  readonly bus: Pick<Bus, "blobs">;
  readonly repo: Repository;
  readonly baseCommit: string;
  /** Where the base is, if it is not in the repository. */
  readonly objectDirs?: readonly string[];
  /** Absent where nothing was committed. */
  readonly bundle: BundleRef | undefined;
  readonly dir: string;
  readonly signal: AbortSignal;
}): Promise<Change> {
  const { bus, repo, baseCommit, bundle, dir, signal } = options;
  if (bundle === undefined) return noChange(repo, baseCommit);
  const bundlePath = join(dir, "work.bundle");
  await fetchBlob(bus, bundle.blob, bundlePath, signal);
  return quarantine({
    bundlePath,
    dir: join(dir, "work"),
    baseCommit,
    objectDirs: [repo.objectsDir, ...(options.objectDirs ?? [])],
    shallow: repo.shallow,
    objectFormat: repo.objectFormat,
    signal,
  });
}
