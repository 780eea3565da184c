import type { Console } from "../console.ts";
import type { Reporter } from "./reporter.port.ts";
import { streamingLine } from "./streaming.rules.ts";
import { summaryText } from "./summary-text.rules.ts";

/** A plain line an event on stderr, the summary on stdout. */
export function streamingReporter(
  console: Console,
  options: { readonly verbose: boolean; readonly resultsPath: string | undefined },
): Reporter {
  return {
    async event(event) {
      const line = streamingLine(event, options.verbose);
      if (line !== undefined) await console.note(line);
    },
    end: (summary, deleted) => console.result(summaryText(summary, options.resultsPath, deleted)),
    close: async () => {},
  };
}
