import { z } from "zod";
import { BlobRef } from "./blobs.ts";
import { BundleRef } from "./bundles.ts";
import { Commit } from "./ids.ts";

/** An agent's conversation without its files: what another task of the same group goes on with. */
export const KeptSession = z.object({
  sessionId: z.string().min(1).max(200),
  /** Tar archive of the session's files, their paths relative to the agent's home. */
  session: BlobRef,
});
export type KeptSession = z.infer<typeof KeptSession>;

/**
 * An agent's conversation together with its files, at one moment. The two are used together or not at
 * all: a conversation without its files lies to the agent.
 */
export const SessionSnapshot = z.object({
  sessionId: z.string().min(1).max(200),
  /** Tar archive of the session's files, their paths relative to the agent's home. */
  session: BlobRef,
  /** Where the workspace's HEAD stood. */
  commit: Commit,
  /** From the base to `commit`; absent where they are the same. */
  bundle: BundleRef.optional(),
  /** Binary patch of what was not committed, untracked files included. */
  patch: BlobRef.optional(),
});
export type SessionSnapshot = z.infer<typeof SessionSnapshot>;
