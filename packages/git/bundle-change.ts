import { mkdtemp, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type BundleFile, putBundleTogether } from "./bundle-file.ts";
import { formatBundleHeader } from "./bundle-header.ts";
import { packReachable } from "./pack-reachable.ts";
import { type Change, DEFAULT_LIMITS, type QuarantineLimits } from "./quarantine.ts";
import { writeBareRepository } from "./scratch-repository.ts";

/**
 * Bundles a quarantined change anew, to `path`, which must not exist: just what its commit reaches and
 * the base does not, in a pack that stands alone, under a header of ours. This is what may be stored.
 * The bundle that came from the container is not: it may hold more than its commit reaches.
 */
export async function bundleChange(options: {
  readonly change: Change;
  readonly path: string;
  readonly limits?: Partial<QuarantineLimits>;
  readonly signal?: AbortSignal;
}): Promise<BundleFile> {
  const { change, path, signal } = options;
  const { commit, baseCommit, objectFormat, objectDirs, shallow } = change;
  const { maxMemoryBytes, timeoutMs } = { ...DEFAULT_LIMITS, ...options.limits };
  const dir = await mkdtemp(join(dirname(path), ".bundle-"));
  try {
    await writeBareRepository(join(dir, "git"), { objectFormat, alternates: objectDirs, shallow });
    const pack = await packReachable({
      dir: join(dir, "git"),
      tips: [commit],
      without: [baseCommit],
      maxMemoryBytes,
      timeoutMs,
      signal,
    });
    const header = formatBundleHeader({ objectFormat, prerequisites: [baseCommit], tip: commit });
    return await putBundleTogether(header, pack.path, path, signal);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
