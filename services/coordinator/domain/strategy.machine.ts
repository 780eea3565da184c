import type { ErrorRecord, KeyPolicy, Outcome, StrategyCall } from "@pitaya/protocol";
import { assign, setup } from "xstate";

export interface StrategyContext {
  /** Calls of the strategy's code on its context, as recorded: what a replay must meet again. */
  readonly calls: readonly StrategyCall[];
  /** How often its path of calls began anew: each resume under key policy suffix. */
  readonly path: number;
  readonly keyPolicy: KeyPolicy;
  readonly outcome: Outcome | undefined;
  /** What made it fail, where a single failure did. */
  readonly error: ErrorRecord | undefined;
}

export type StrategyEvent =
  | { readonly type: "CALLED"; readonly calls: readonly StrategyCall[] }
  | { readonly type: "RESUMED"; readonly keyPolicy: KeyPolicy }
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
    resume: assign(({ context, event }) => {
      if (event.type !== "RESUMED") return {};
      const { keyPolicy } = event;
      // A changed task leads to other calls than those recorded: the code finds its way again.
      return keyPolicy === "suffix"
        ? { keyPolicy, calls: [], path: context.path + 1 }
        : { keyPolicy };
    }),
    complete: assign({
      outcome: ({ event }) => (event.type === "COMPLETED" ? event.outcome : undefined),
      error: ({ event }) => (event.type === "COMPLETED" ? event.error : undefined),
    }),
  },
}).createMachine({
  id: "strategy",
  context: { calls: [], path: 0, keyPolicy: "strict", outcome: undefined, error: undefined },
  initial: "executing",
  states: {
    executing: {
      on: {
        CALLED: { actions: "record" },
        RESUMED: { actions: "resume" },
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
