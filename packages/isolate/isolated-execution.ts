import { PitayaError } from "@pitaya/protocol";
import { type HostedExecution, type StartExecution, startExecution } from "@pitaya/strategies";
import { z } from "zod";
import { type Isolate, openIsolate } from "./isolate.ts";
import type { IsolateLimits } from "./limits.ts";
import type { ExportedStrategy, Issue } from "./realm.ts";
import type { StrategyBundle } from "./strategy-bundle.ts";

/** Parameters that a strategy of somebody's own does not take, said as of those Pitaya ships. */
export function wrongParams(
  { strategy, known }: Pick<ExportedStrategy, "strategy" | "known">,
  issues: readonly Issue[],
): PitayaError {
  const wrong = z.prettifyError({ issues });
  return new PitayaError("usage", `-S for strategy ${strategy}: ${wrong}`, {
    hint: `parameters of ${strategy}: ${known.join(", ")}`,
  });
}

/**
 * Runs a bundle's strategy in isolation, under the delivery rules and the records of the native host:
 * the code is elsewhere, its context is here.
 *
 * @returns a start that rejects with `strategy_failed` when the code cannot be loaded, and `usage`
 *   for parameters that its own schema refuses
 */
export function isolatedExecution(
  bundle: StrategyBundle,
  exportName: string,
  limits: Partial<IsolateLimits> = {},
): StartExecution {
  return async (strategy, options) => {
    const isolate = await openIsolate({ bundle, loadedAt: options.startedAtMs, limits });
    try {
      const index = isolate.strategies.findIndex(({ name }) => name === exportName);
      const exported = isolate.strategies[index];
      if (exported === undefined) {
        const what = `strategy ${bundle.file} exports no strategy ${exportName}`;
        throw new PitayaError("strategy_failed", what);
      }
      const { issues } = await isolate.check(index, options.params);
      if (issues.length > 0) throw wrongParams(exported, issues);
      const code = {
        ...strategy,
        execute: (input: object, ctx: Parameters<typeof strategy.execute>[1]) =>
          isolate.execute(index, input, ctx),
      };
      const hosted = await startExecution(code, { ...options, elsewhere: isolate });
      return closing(hosted, isolate);
    } catch (error) {
      isolate.close();
      throw error;
    }
  };
}

/** The thread goes when nothing runs in it any more. */
function closing(hosted: HostedExecution, isolate: Isolate): HostedExecution {
  const look = () => {
    if (hosted.ended) isolate.close();
  };
  look();
  return {
    get calls() {
      return hosted.calls;
    },
    get tasks() {
      return hosted.tasks;
    },
    get cancelled() {
      return hosted.cancelled;
    },
    get ended() {
      return hosted.ended;
    },
    get replaced() {
      return hosted.replaced;
    },
    get sleeps() {
      return hosted.sleeps;
    },
    deliver: (key, resolution, atMs) => hosted.deliver(key, resolution, atMs).finally(look),
    wake: (index, atMs) => hosted.wake(index, atMs).finally(look),
    close() {
      hosted.close();
      isolate.close();
    },
  };
}
