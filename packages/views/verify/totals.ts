import type { RunProjection } from "@pitaya/protocol";
import type { LogEvent } from "../run-log.ts";
import { projectRun } from "../run-projection.ts";
import type { RunView } from "../run-view.ts";
import { spendOf } from "../spend.ts";
import type { Violation } from "./violation.ts";

/** US dollars below this are what adding up in another order makes. */
const ROUNDING_USD = 1e-6;

/** Adds up what attempts tell, event by event, to hold the sums of the view against it. */
export function tally() {
  const sum = { costUsd: 0, costUnknown: 0, inputTokens: 0, outputTokens: 0, ended: 0 };
  return {
    take(event: LogEvent): void {
      if (event.kind === "seal") {
        sum.ended += 1;
        sum.costUnknown += 1;
        return;
      }
      if (event.kind !== "fact" || !("account" in event.fact)) return;
      const { costUsd, usage, agentMs } = event.fact.account;
      sum.ended += 1;
      sum.costUsd += costUsd ?? 0;
      sum.costUnknown += costUsd === undefined && agentMs > 0 ? 1 : 0;
      sum.inputTokens += usage?.inputTokens ?? 0;
      sum.outputTokens += usage?.outputTokens ?? 0;
    },
    *compare(view: RunView): Generator<Violation> {
      const rows = [...view.instances.values()];
      const spend = spendOf(rows);
      const ended = rows.flatMap(({ attempts }) => attempts.filter(({ end }) => end)).length;
      const pairs = [
        ["attempts that ended", sum.ended, ended],
        ["attempts of unknown cost", sum.costUnknown, spend.costUnknown],
        ["input tokens", sum.inputTokens, spend.inputTokens],
        ["output tokens", sum.outputTokens, spend.outputTokens],
      ] as const;
      for (const [what, told, shown] of pairs) {
        if (told !== shown) {
          yield { rule: "totals", message: `${what}: ${told} in the log, ${shown} in the summary` };
        }
      }
      if (Math.abs(sum.costUsd - spend.costUsd) > ROUNDING_USD) {
        const message = `cost: $${sum.costUsd} in the log, $${spend.costUsd} in the summary`;
        yield { rule: "totals", message };
      }
    },
  };
}

/** @param view folded up to the very event that the row says it was made at */
export function* projectionCheck(row: RunProjection, view: RunView): Generator<Violation> {
  if (view.spec === undefined) return;
  const made: Readonly<Record<string, unknown>> = projectRun(view.spec, view);
  for (const [key, shown] of Object.entries(row)) {
    const [listed, folded] = [JSON.stringify(shown), JSON.stringify(made[key])];
    if (key !== "v" && listed !== folded) {
      const message = `the list of runs says ${key} ${listed}, the log ${folded}`;
      yield { rule: "totals", sequence: row.sequence, message };
    }
  }
}
