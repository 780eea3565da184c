import { z } from "zod";
import { BlobRef } from "./blobs.ts";
import { Commit } from "./ids.ts";

export const ObjectFormat = z.enum(["sha1", "sha256"]);

/** A git bundle in the blob store. */
export const BundleRef = z.object({
  blob: BlobRef,
  /** The one commit its one ref stands at. */
  tip: Commit,
  /** Commits whose parents were not sent. A receiver writes them before it fetches. */
  shallow: z.array(Commit),
});
export type BundleRef = z.infer<typeof BundleRef>;

/** The base's own, and one of each stage that stands on the one before. */
const MAX_SOURCE_BUNDLES = 64;

/** A branch as it travels: its commit, and the bundles that together hold it, nearest first. */
export const BranchSource = z.object({
  /** Local branch name in the workspace. */
  branch: z.string().min(1).max(200),
  commit: Commit,
  bundles: z.array(BundleRef).min(1).max(MAX_SOURCE_BUNDLES),
});
export type BranchSource = z.infer<typeof BranchSource>;
