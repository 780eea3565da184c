import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import type { Change, Repository } from "@pitaya/git";
import { isPitayaError } from "@pitaya/protocol";
import type { InstanceView } from "@pitaya/views";
import { quarantinedWork } from "./quarantined-work.ts";

export interface StackedWorkOptions {
  readonly bus: Pick<Bus, "blobs">;
  readonly repo: Repository;
  readonly row: InstanceView;
  /** All of the run: an earlier one may have made the commit that this one stands on. */
  readonly instances: ReadonlyMap<string, InstanceView>;
  /** An existing directory that the caller removes when done with the result. */
  readonly dir: string;
  readonly signal: AbortSignal;
}

/** Commits on top of others that come along. */
export interface StackedWork {
  readonly change: Change;
  /** Those below it, each with the instance that made them. */
  readonly below: readonly { readonly row: InstanceView; readonly commits: readonly string[] }[];
}

/**
 * The commits of an instance, checked. Where it stands on the branch of an earlier instance that was
 * not imported, that one's commits come along, checked as well, and the base is the earlier one's.
 *
 * @throws {PitayaError} as `quarantinedWork`
 */
export async function stackedWork(options: StackedWorkOptions): Promise<StackedWork> {
  const { bus, repo, row, dir, signal } = options;
  const { baseCommit } = row;
  const work = { bus, repo, baseCommit, bundle: row.succeeded?.bundle, signal };
  const earlier = madeBy(baseCommit, options.instances, row);
  if (earlier === undefined) return { change: await quarantinedWork({ ...work, dir }), below: [] };
  try {
    return { change: await quarantinedWork({ ...work, dir }), below: [] };
  } catch (error) {
    if (!isPitayaError(error, "base_not_here")) throw error;
  }
  const before = await stackedWork({
    ...{ ...options, row: earlier },
    dir: await subdirectory(dir, "base"),
  });
  const { baseCommit: lowest, commits, objectDirs } = before.change;
  const change = await quarantinedWork({
    ...{ ...work, objectDirs },
    dir: await subdirectory(dir, "on-base"),
  });
  const allDirs = [...new Set([...objectDirs, ...change.objectDirs])];
  return {
    change: { ...change, baseCommit: lowest, objectDirs: allDirs },
    below: [{ row: earlier, commits }, ...before.below],
  };
}

/** The instance whose commit this is; scheduled before, so that no two are each other's. */
function madeBy(
  commit: string,
  instances: ReadonlyMap<string, InstanceView>,
  row: InstanceView,
): InstanceView | undefined {
  return [...instances.values()].find(
    (each) =>
      each.succeeded?.work?.commit === commit &&
      each.scheduledAt <= row.scheduledAt &&
      each !== row,
  );
}

async function subdirectory(dir: string, name: string): Promise<string> {
  const path = join(dir, name);
  await mkdir(path, { mode: 0o700 });
  return path;
}
