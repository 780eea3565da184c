import type { Container } from "dockerode";
import { MAX_SESSION_BYTES, type SessionFile } from "../../ports/executor.port.ts";
import { archiveEntries, entryBytes } from "./archive.ts";
import { PLACE } from "./places.ts";

/**
 * Files of the home of a container that has ended, those that are there and are regular files. None
 * where they are over the limit: half a session is no session.
 */
export async function sessionFiles(
  container: Container,
  paths: readonly string[],
): Promise<readonly SessionFile[]> {
  const files: SessionFile[] = [];
  let left = MAX_SESSION_BYTES;
  for (const path of paths) {
    for await (const entry of (await archiveEntries(container, `${PLACE.home}/${path}`)) ?? []) {
      const { type, size = 0 } = entry.header;
      if (type !== "file") break;
      left -= size;
      if (left < 0) return [];
      files.push({ path, bytes: Buffer.concat(await Array.fromAsync(entryBytes(entry))) });
      break;
    }
  }
  return files;
}
