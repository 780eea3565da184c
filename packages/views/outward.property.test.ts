import { textExcerpt } from "@pitaya/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { metricsSeries } from "./metrics-series.ts";
import { projectEvent } from "./outward.ts";
import { OutwardEvent } from "./outward-event.ts";
import { resultFiles } from "./result-files.ts";
import { type LogMessage, runLog } from "./run-log.ts";
import { runView } from "./run-view.ts";
import { sampleSpec, wholeLog } from "./testing/index.ts";

const messages = wholeLog();
const { run } = sampleSpec();

/** Everything the outside is given of a delivery of messages, in the order they came. */
function seen(delivery: readonly LogMessage[]) {
  const log = runLog();
  const fold = runView();
  const series = metricsSeries();
  const events: OutwardEvent[] = [];
  for (const message of delivery) {
    for (const [index, event] of log.admit(message).entries()) {
      fold.apply(event);
      series.apply(event);
      events.push(...projectEvent(run, event, index, fold.view, textExcerpt));
    }
  }
  const files = fold.view.spec ? resultFiles(fold.view, textExcerpt, series.rows) : [];
  return JSON.stringify({ events, files });
}

/** Positions in the log, each after its predecessors, many of them several times. */
const redelivery = fc
  .array(fc.nat({ max: 12 }), {
    minLength: messages.length,
    maxLength: messages.length,
    size: "max",
  })
  .map((jumps) =>
    jumps.flatMap((jump, i) => {
      const from = Math.max(0, i - jump);
      return messages.slice(from, i + 1);
    }),
  );

test("whatever is delivered again, the outside sees each event once and the same files", () => {
  const once = seen(messages);
  fc.assert(
    fc.property(redelivery, (delivery) => {
      expect(seen(delivery)).toBe(once);
    }),
    { seed: 1, numRuns: 30 },
  );
});

test("of any beginning of a log every line fits the schema and has an id of its own", () => {
  fc.assert(
    fc.property(fc.nat({ max: messages.length }), (length) => {
      const { events } = JSON.parse(seen(messages.slice(0, length))) as { events: unknown[] };
      const ids = events.map((event) => OutwardEvent.parse(event).id);
      expect(new Set(ids).size).toBe(ids.length);
    }),
    { seed: 1, numRuns: 40 },
  );
});
