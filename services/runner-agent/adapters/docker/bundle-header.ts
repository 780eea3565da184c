import { open } from "node:fs/promises";
import { PitayaError } from "@pitaya/protocol";

export interface BundleHeader {
  readonly objectFormat: "sha1" | "sha256";
  /** Where the pack begins. */
  readonly packOffset: number;
}

/** A header line names a ref; a bundle of ours has one, so this is far more than any needs. */
const MAX_HEADER_BYTES = 4 * 1024 * 1024;

/** Reads where in a bundle file its pack begins: behind the first empty line. */
export async function readBundleHeader(path: string): Promise<BundleHeader> {
  const file = await open(path);
  try {
    let head = Buffer.alloc(0);
    while (head.length < MAX_HEADER_BYTES) {
      const { bytesRead, buffer } = await file.read(
        Buffer.alloc(64 * 1024),
        0,
        64 * 1024,
        head.length,
      );
      if (bytesRead === 0) break;
      head = Buffer.concat([head, buffer.subarray(0, bytesRead)]);
      const end = head.indexOf("\n\n");
      if (end === -1) continue;
      const lines = head.subarray(0, end).toString().split("\n");
      if (lines[0] !== "# v2 git bundle" && lines[0] !== "# v3 git bundle") break;
      return {
        objectFormat: lines.includes("@object-format=sha256") ? "sha256" : "sha1",
        packOffset: end + 2,
      };
    }
  } finally {
    await file.close();
  }
  throw new PitayaError("blob_corrupt", `${path} is not a git bundle.`, { retryable: false });
}
