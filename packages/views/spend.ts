import type { InstanceView } from "./run-view.ts";

/** Spend of a run or of some of its instances, over every attempt, failed ones too. */
export interface Spend {
  readonly costUsd: number;
  /** Attempts that ended and whose cost nobody knows. */
  readonly costUnknown: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
}

export function spendOf(rows: Iterable<InstanceView>): Spend {
  const spend = { costUsd: 0, costUnknown: 0, inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
  for (const row of rows) {
    for (const { end } of row.attempts) {
      if (end === undefined) continue;
      if (end.type === "sealed") {
        spend.costUnknown += 1;
        continue;
      }
      const { costUsd, usage, agentMs } = end.account;
      if (costUsd === undefined) spend.costUnknown += agentMs > 0 ? 1 : 0;
      else spend.costUsd += costUsd;
      spend.inputTokens += usage?.inputTokens ?? 0;
      spend.outputTokens += usage?.outputTokens ?? 0;
      spend.cachedTokens += usage?.cacheReadTokens ?? 0;
    }
  }
  return spend;
}
