import { join } from "node:path";
import { PitayaError } from "@pitaya/protocol";
import type { Container } from "dockerode";
import type { Harvest } from "../../ports/executor.port.ts";
import { archiveEntries, saveEntry } from "./archive.ts";
import { PLACE } from "./places.ts";
import type { Report } from "./report.rules.ts";

/**
 * Copies out what a report names: regular files only, each of at most `maxBytes`.
 * @throws `bundle_rejected` for a bundle that is too big or no file, `harvest_failed` if it is not there
 */
export async function collectHarvest(
  container: Container,
  report: Report,
  toDir: string,
  maxBytes: number,
): Promise<Harvest> {
  const trouble = [...report.trouble];
  let bundlePath: string | undefined;
  let patchPath: string | undefined;
  if (report.hasBundle || report.hasPatch) {
    const entries = await archiveEntries(container, `${PLACE.exchange}/out/done`);
    for await (const entry of entries ?? []) {
      const { name, type, size = 0 } = entry.header;
      const file = /^done\/(bundle|patch|report)$/.exec(name)?.[1];
      if (name === "done/" && type === "directory") {
        entry.resume();
        continue;
      }
      if (file === undefined || type !== "file") {
        throw new PitayaError(
          "harvest_failed",
          `The agent's container left ${JSON.stringify(name.slice(0, 100))} (${type}) where only the harvest's files belong.`,
          { retryable: false },
        );
      }
      if (file === "report") {
        entry.resume();
      } else if (size > maxBytes && file === "bundle") {
        throw new PitayaError(
          "bundle_rejected",
          `The agent's commits are ${size} bytes; the limit is ${maxBytes}.`,
          { hint: "Raise the limit, or keep large files out of commits." },
        );
      } else if (size > maxBytes) {
        trouble.push(`the patch of the uncommitted work is ${size} bytes, over the limit`);
        break;
      } else if (file === "bundle") {
        bundlePath = join(toDir, file);
        await saveEntry(entry, bundlePath);
      } else {
        patchPath = join(toDir, file);
        await saveEntry(entry, patchPath);
      }
    }
    if (report.hasBundle && bundlePath === undefined) {
      throw new PitayaError("harvest_failed", "The agent's commits were reported but not found.");
    }
  }
  return {
    forcedCommit: report.forcedCommit,
    ...(report.head !== undefined && { head: report.head }),
    ...(bundlePath !== undefined && { bundlePath }),
    ...(patchPath !== undefined && { patchPath }),
    ...(trouble.length > 0 && { trouble: trouble.join("; ") }),
  };
}
