import type { Redactor } from "@pitaya/redaction";
import { type OutwardEvent, outwardEvent } from "@pitaya/views";
import type { Console } from "../console.ts";
import type { Reporter } from "./reporter.port.ts";

/** NDJSON on stdout and nothing else there; the last line is `run.summary`. */
export function jsonReporter(console: Console, redactor: Redactor, now: () => number): Reporter {
  const line = (event: OutwardEvent) =>
    console.result(JSON.stringify(redactor.json(event as never)));
  return {
    event: line,
    end: (summary) =>
      line(
        outwardEvent(summary.run_id, "summary", now(), { type: "run.summary", payload: summary }),
      ),
    close: async () => {},
  };
}
