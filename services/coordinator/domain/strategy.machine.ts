import type { ErrorRecord, Outcome, StrategyCall } from "@pitaya/protocol";
import { assign, setup } from "xstate";

export interface StrategyContext {
  /** Calls of the strategy's code on its context, as recorded: what a replay must meet again. */
  readonly calls: readonly StrategyCall[];
  readonly outcome: Outcome | undefined;
  /** What made it fail, where a single failure did. */
  readonly error: ErrorRecord | undefined;
}

export type StrategyEvent =
  | { readonly type: "CALLED"; readonly calls: readonly StrategyCall[] }
  | {
      readonly type: "COMPLETED";
      readonly outcome: Outcome;
      readonly error: ErrorRecord | undefined;
    };

/** The life of one strategy execution, from `strategy.started` on. */
export const strategyMachine = setup({
  types: {
    context: {} as StrategyContext,
    events: {} as StrategyEvent,
  },
  guards: {
    succeeded: ({ event }) => event.type === "COMPLETED" && event.outcome.status === "succeeded",
  },
  actions: {
    record: assign(({ context, event }) =>
      event.type === "CALLED" ? { calls: [...context.calls, ...event.calls] } : {},
    ),
    complete: assign({
      outcome: ({ event }) => (event.type === "COMPLETED" ? event.outcome : undefined),
      error: ({ event }) => (event.type === "COMPLETED" ? event.error : undefined),
    }),
  },
}).createMachine({
  id: "strategy",
  context: { calls: [], outcome: undefined, error: undefined },
  initial: "executing",
  states: {
    executing: {
      on: {
        CALLED: { actions: "record" },
        COMPLETED: [
          { guard: "succeeded", target: "succeeded", actions: "complete" },
          { target: "failed", actions: "complete" },
        ],
      },
    },
    succeeded: { type: "final" },
    failed: { type: "final" },
  },
});
