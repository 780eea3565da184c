import type { AttemptName } from "../../ports/executor.port.ts";
import { parseReport, type Report } from "./report.rules.ts";
import type { HarvestFiles } from "./steward.ts";

/** What an ended container left: the wrapper's report, read, and its small files. */
export interface LeftFiles {
  readonly report: Report | undefined;
  readonly files: HarvestFiles;
}

/**
 * Reads what ended containers left, once each: the end of an execution and its harvest ask for the
 * same. What has no report is looked at again, since a second container may leave one.
 */
export function leftFiles(
  read: (name: AttemptName) => Promise<HarvestFiles>,
  keyOf: (name: AttemptName) => string,
) {
  const known = new Map<string, LeftFiles>();
  return {
    /** Only for a container that has ended: until then its agent can change what is read. */
    of: async (name: AttemptName): Promise<LeftFiles> => {
      const before = known.get(keyOf(name));
      if (before !== undefined) return before;
      const files = await read(name);
      const report = files.report === undefined ? undefined : parseReport(files.report);
      const left = { files, report };
      if (report !== undefined) known.set(keyOf(name), left);
      return left;
    },
    isKnown: (name: AttemptName): boolean => known.has(keyOf(name)),
    forget: (name: AttemptName): void => {
      known.delete(keyOf(name));
    },
  };
}
