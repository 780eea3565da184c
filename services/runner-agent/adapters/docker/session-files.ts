import type { Container } from "dockerode";
import { directoryOf, isPattern, isSessionPath } from "../../domain/session-paths.rules.ts";
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
  for (const wanted of paths) {
    const within = isPattern(wanted) ? directoryOf(wanted) : wanted;
    const above = within.slice(0, within.lastIndexOf("/") + 1);
    const entries = await archiveEntries(container, `${PLACE.home}/${within}`);
    for await (const entry of entries ?? []) {
      const { type, name, size = 0 } = entry.header;
      const path = `${above}${name}`;
      if (type !== "file" || !isSessionPath(path, [wanted])) {
        entry.resume();
        continue;
      }
      left -= size;
      if (left < 0) return [];
      files.push({ path, bytes: Buffer.concat(await Array.fromAsync(entryBytes(entry))) });
    }
  }
  return files;
}
