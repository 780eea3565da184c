import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isPitayaError, PitayaError } from "@pitaya/protocol";
import { type BundleFile, putBundleTogether } from "./bundle-file.ts";
import { formatBundleHeader } from "./bundle-header.ts";
import { boundaryOf, type KnownTip, nearestKnownTip } from "./known-tip.ts";
import { packReachable } from "./pack-reachable.ts";
import type { Repository } from "./repository.ts";
import { type ObjectFormat, writeBareRepository } from "./scratch-repository.ts";

interface Sent {
  readonly tip: string;
  readonly objectFormat: ObjectFormat;
  /**
   * The commits of the tip's history whose parents the clone does not have, sorted; empty unless the
   * clone is shallow. A receiver writes them to its `shallow` file before it uses the objects.
   */
  readonly shallow: readonly string[];
}

export type OutgoingBundle =
  /** The store has this tip already. */
  | (Sent & { readonly kind: "known" })
  | (Sent &
      BundleFile & {
        readonly kind: "written";
        /** The known tip that this is the difference from; absent if the bundle holds the whole history. */
        readonly parentTip?: string;
      });

/**
 * Writes the history of one commit, and nothing else, as a bundle to `path`, which must not exist.
 *
 * It is the difference from the nearest of `known` that is an ancestor of the commit, otherwise the
 * whole. The pack inside never needs an object of the parent as a delta's base, so receivers keep
 * exactly these objects. Nothing is written to the user's repository: a temporary one beside `path`
 * reads its objects.
 *
 * @param known tips that the store has and that may become a parent (whose own parents are few enough)
 * @throws {PitayaError} `repository_unsupported` where objects of the history are missing here
 */
export async function writeBundle(options: {
  readonly repo: Repository;
  readonly commit: string;
  readonly known: readonly KnownTip[];
  readonly path: string;
  readonly signal?: AbortSignal;
}): Promise<OutgoingBundle> {
  const { repo, commit, known, path, signal } = options;
  const dir = await mkdtemp(join(dirname(path), ".bundle-"));
  try {
    const bench = { dir: join(dir, "git"), ...(signal === undefined ? {} : { signal }) };
    await writeBareRepository(bench.dir, {
      objectFormat: repo.objectFormat,
      alternates: [repo.objectsDir],
      shallow: repo.shallow,
    });
    const shallow = await boundaryOf(bench, commit, repo.shallow);
    const sent: Sent = { tip: commit, objectFormat: repo.objectFormat, shallow };
    const parent = await nearestKnownTip(bench, commit, known, repo.shallow);
    if (parent?.commit === commit) return { kind: "known", ...sent };

    const without = parent === undefined ? [] : [parent.commit];
    const pack = await packReachable({ dir: bench.dir, tips: [commit], without, signal });
    const header = formatBundleHeader({
      objectFormat: repo.objectFormat,
      prerequisites: without,
      tip: commit,
    });
    const file = await putBundleTogether(header, pack.path, path, signal);
    return {
      kind: "written",
      ...sent,
      ...file,
      ...(parent === undefined ? {} : { parentTip: parent.commit }),
    };
  } catch (error) {
    throw isPitayaError(error, "git_failed") && lacksObjects(error.message)
      ? missingObjects(repo, commit, error)
      : error;
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const lacksObjects = (message: string) =>
  /unable to read|missing|bad object|could not get object info|not a valid object|unable to parse/i.test(
    message,
  );

const missingObjects = (repo: Repository, commit: string, cause: PitayaError) =>
  new PitayaError(
    "repository_unsupported",
    `objects of the history of ${commit.slice(0, 12)} are not in this repository` +
      (repo.partial ? ", which is a partial clone" : `: ${cause.message}`),
    {
      cause,
      hint: repo.partial
        ? "fetch them with git fetch --refetch --no-filter, or use a clone made without --filter"
        : "git fsck shows what is damaged",
    },
  );
