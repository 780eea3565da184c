import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import type { Container } from "dockerode";
import type { Harvest, SessionFile } from "../../ports/executor.port.ts";
import { archiveEntries, saveEntry } from "./archive.ts";
import { PLACE } from "./places.ts";
import type { Report } from "./report.rules.ts";
import type { HarvestFiles } from "./steward.ts";

/** Larger files come by the engine's archive call, which costs more to begin with. */
export const SMALL_BYTES = 128 * 1024;

/**
 * Copies out what a report names: regular files only, each of at most `maxBytes`.
 * @throws `bundle_rejected` for a bundle that is too big, `harvest_failed` for what is no file or
 * not there
 */
export async function collectHarvest(
  container: Container,
  report: Report,
  small: HarvestFiles,
  toDir: string,
  maxBytes: number,
  session: readonly SessionFile[],
): Promise<Harvest> {
  const trouble = [...report.trouble];
  const wanted = (["bundle", "patch"] as const).filter((file) =>
    file === "bundle" ? report.hasBundle : report.hasPatch,
  );
  const saved = new Map<string, string>();
  const fits = (file: string, size: number) => {
    if (size <= maxBytes) return true;
    if (file === "bundle") {
      throw new PitayaError(
        "bundle_rejected",
        `The agent's commits are ${size} bytes; the limit is ${maxBytes}.`,
        { hint: "Raise the limit, or keep large files out of commits." },
      );
    }
    trouble.push(`the patch of the uncommitted work is ${size} bytes, over the limit`);
    return false;
  };

  for (const file of wanted) {
    const bytes = small[file];
    if (bytes === undefined || !fits(file, bytes.length)) continue;
    saved.set(file, join(toDir, file));
    await writeFile(join(toDir, file), bytes, { mode: 0o600 });
  }
  const missing = new Set<string>(wanted.filter((file) => small[file] === undefined));
  if (missing.size > 0) {
    const entries = await archiveEntries(container, `${PLACE.exchange}/out/done`);
    for await (const entry of entries ?? []) {
      const { name, type, size } = entry.header;
      const file = name.replace(/^done\//, "");
      if (!missing.delete(file)) {
        entry.resume();
      } else if (type !== "file") {
        throw new PitayaError(
          "harvest_failed",
          `The agent's container left a ${type} where its harvest's ${file} belongs.`,
          { retryable: false },
        );
      } else if (fits(file, size)) {
        saved.set(file, join(toDir, file));
        await saveEntry(entry, join(toDir, file));
      }
      // What is over the limit is not read to its end.
      if (missing.size === 0) break;
    }
  }
  for (const file of missing) {
    throw new PitayaError("harvest_failed", `The ${file} that the harvest reported is not there.`);
  }
  const bundlePath = saved.get("bundle");
  const patchPath = saved.get("patch");
  return {
    session,
    forcedCommit: report.forcedCommit,
    ...(report.head !== undefined && { head: report.head }),
    ...(bundlePath !== undefined && { bundlePath }),
    ...(patchPath !== undefined && { patchPath }),
    ...(trouble.length > 0 && { trouble: trouble.join("; ") }),
  };
}
