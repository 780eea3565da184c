import { z } from "zod";
import { ProcessId, Sha256 } from "./ids.ts";

/** Bytes in one part of a blob; the last part may be shorter. */
export const BLOB_PART_BYTES = 256 * 1024;

/** Largest blob: 16 GiB. */
const MAX_PARTS = 65_536;

/** How deep a chain of incremental bundles may grow before a full one is sent. */
export const MAX_BUNDLE_PARENTS = 8;

/** Where the bytes of a blob are, named by their content. */
export const BlobRef = z.object({
  writer: ProcessId,
  sha256: Sha256,
  bytes: z.int().nonnegative(),
  parts: z.int().nonnegative().max(MAX_PARTS),
  /** Blobs this one cannot be used without. */
  parents: z.array(Sha256).max(MAX_BUNDLE_PARENTS),
});
export type BlobRef = z.infer<typeof BlobRef>;

/** The message that completes a blob. A blob without one is not there. */
export const BlobManifest = z.object({ v: z.literal(1), ...BlobRef.shape });
export type BlobManifest = z.infer<typeof BlobManifest>;

/** Longest text that travels inside a message, in UTF-8 bytes. */
export const INLINE_TEXT_BYTES = 8 * 1024;

/** A text of any length: inside the message up to 8 KiB, otherwise a blob of UTF-8. */
export const Text = z.union([
  z.object({ inline: z.string() }),
  z.object({ blob: BlobRef, excerpt: z.string().max(400) }),
]);
export type Text = z.infer<typeof Text>;

/** What there is to read of a text without fetching it. */
export const textExcerpt = (text: Text): string => ("inline" in text ? text.inline : text.excerpt);
