import { createReadStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Bus } from "@pitaya/bus";
import { type Base, type Repository, writeBundle } from "@pitaya/git";
import { type BranchSource, type BundleRef, MAX_BUNDLE_PARENTS } from "@pitaya/protocol";
import type { SentBundles, SentChain } from "./sent-bundles.ts";

/**
 * Has the store hold the base and its history, sending only what it lacks: nothing for a tip that is
 * there, otherwise the difference from an ancestor that is there, otherwise the whole.
 *
 * @param scratchDir an existing private directory for the bundle on its way
 */
export async function uploadBase(options: {
  readonly bus: Pick<Bus, "blobs">;
  readonly repo: Repository;
  readonly base: Base;
  readonly sent: SentBundles;
  readonly scratchDir: string;
  readonly signal: AbortSignal;
}): Promise<BranchSource> {
  const { bus, repo, base, sent, scratchDir, signal } = options;
  const usable = await stillThere(bus, sent.chains, base.commit);
  const path = join(scratchDir, "base.bundle");
  try {
    const bundle = await writeBundle({
      repo,
      commit: base.commit,
      known: usable.map(({ nearest }) => ({ commit: nearest.tip, shallow: nearest.shallow })),
      path,
      signal,
    });
    const chainOf = (tip: string | undefined) =>
      usable.find(({ nearest }) => nearest.tip === tip)?.bundles ?? [];
    if (bundle.kind === "known") return branchSource(base, chainOf(bundle.tip));
    const parents = chainOf(bundle.parentTip);
    const blob = await bus.blobs.put(
      () => createReadStream(path, { signal }),
      parents.map((parent) => parent.blob.sha256),
    );
    const ref: BundleRef = { blob, tip: bundle.tip, shallow: [...bundle.shallow] };
    const bundles = [ref, ...parents];
    await sent.remember({ bundles });
    return branchSource(base, bundles);
  } finally {
    await rm(path, { force: true });
  }
}

const branchSource = (base: Base, bundles: readonly BundleRef[]): BranchSource => ({
  branch: base.branch,
  commit: base.commit,
  bundles: [...bundles],
});

interface UsableChain {
  readonly nearest: BundleRef;
  readonly bundles: readonly BundleRef[];
}

/** Chains the store still has whole, and that another bundle may be put on, or that end at this tip. */
async function stillThere(
  bus: Pick<Bus, "blobs">,
  chains: readonly SentChain[],
  tip: string,
): Promise<readonly UsableChain[]> {
  const present = new Map<string, Promise<boolean>>();
  const isThere = ({ blob }: BundleRef) => {
    const asked = present.get(blob.sha256) ?? bus.blobs.has(blob);
    present.set(blob.sha256, asked);
    return asked;
  };
  const found: UsableChain[] = [];
  for (const { bundles } of chains) {
    const [nearest] = bundles;
    if (nearest === undefined) continue;
    if (nearest.tip !== tip && bundles.length > MAX_BUNDLE_PARENTS) continue;
    const there = await Promise.all(bundles.map(isThere));
    if (there.every(Boolean)) found.push({ nearest, bundles });
  }
  return found;
}
