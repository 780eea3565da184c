import { type BlobManifest, type BlobRef, subjects } from "@pitaya/protocol";
import type { StoredBlob } from "../upkeep.port.ts";

/** What the subjects of the blob stream say about the blobs there. */
export function storedBlobs(blobSubjects: Iterable<string>): readonly StoredBlob[] {
  const found = new Map<
    string,
    { writer: string; sha256: string; parts: number; whole: boolean }
  >();
  for (const subject of blobSubjects) {
    const named = subjects.blob.parse(subject);
    if (named === undefined) continue;
    const { writer, sha256, part } = named;
    const key = `${writer}.${sha256}`;
    const blob = found.get(key) ?? { writer, sha256, parts: 0, whole: false };
    found.set(key, blob);
    if (part === "manifest") blob.whole = true;
    else blob.parts += 1;
  }
  return [...found.values()];
}

export const refOf = ({ v: _, ...ref }: BlobManifest): BlobRef => ref;
