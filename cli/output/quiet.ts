import type { Console } from "../console.ts";
import type { Reporter } from "./reporter.port.ts";
import { streamingLine } from "./streaming.rules.ts";

const ERRORS: ReadonlySet<string> = new Set(["run.failed", "task.failed", "task.import_refused"]);

/** Errors on stderr; at the end the names of the branches that are in the repository, on stdout. */
export const quietReporter = (console: Console): Reporter => ({
  async event(event) {
    const line = ERRORS.has(event.type) ? streamingLine(event, false) : undefined;
    if (line !== undefined) await console.problem(line);
  },
  async end({ results }, deleted) {
    for (const { imported_ref, branch_name } of results) {
      const isHere = imported_ref !== null && !deleted.has(imported_ref);
      if (isHere && branch_name !== null) await console.result(branch_name);
    }
  },
  close: async () => {},
});
