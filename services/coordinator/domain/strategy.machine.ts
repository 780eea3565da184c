import type { ErrorRecord, KeyPolicy, Outcome, StrategyCall } from "@pitaya/protocol";
import { assign, setup } from "xstate";

export interface StrategyContext {
  /** Epoch milliseconds of the server. */
  readonly startedAt: number;
  /** Calls of the strategy's code on its context, as recorded: what a replay must meet again. */
  readonly calls: readonly StrategyCall[];
  /** How often its path of calls began anew: each resume under key policy suffix. */
  readonly path: number;
  readonly keyPolicy: KeyPolicy;
  /** Index of the last call that a timer was set for; -1 before the first. */
  readonly lastTimer: number;
  /** Timers that have not fired, and when they are due, epoch milliseconds of the server. */
  readonly timers: readonly { readonly index: number; readonly dueAt: number }[];
  readonly outcome: Outcome | undefined;
  /** What made it fail, where a single failure did. */
  readonly error: ErrorRecord | undefined;
}

export type StrategyEvent =
  | { readonly type: "CALLED"; readonly calls: readonly StrategyCall[] }
  | { readonly type: "RESUMED"; readonly keyPolicy: KeyPolicy }
  | {
      readonly type: "TIMER_SET";
      readonly path: number;
      readonly index: number;
      readonly dueAt: number;
    }
  | { readonly type: "TIMER_FIRED"; readonly path: number; readonly index: number }
  | {
      readonly type: "COMPLETED";
      readonly outcome: Outcome;
      readonly error: ErrorRecord | undefined;
    };

/** The life of one strategy execution, from `strategy.started` on. */
export const strategyMachine = setup({
  types: {
    input: {} as { readonly startedAt: number },
    context: {} as StrategyContext,
    events: {} as StrategyEvent,
  },
  guards: {
    onPath: ({ context, event }) => "path" in event && event.path === context.path,
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
        ? { keyPolicy, calls: [], path: context.path + 1, lastTimer: -1, timers: [] }
        : { keyPolicy };
    }),
    setTimer: assign(({ context, event }) => {
      if (event.type !== "TIMER_SET") return {};
      const { index, dueAt } = event;
      return { lastTimer: index, timers: [...context.timers, { index, dueAt }] };
    }),
    dropTimer: assign(({ context, event }) =>
      event.type === "TIMER_FIRED"
        ? { timers: context.timers.filter(({ index }) => index !== event.index) }
        : {},
    ),
    complete: assign({
      outcome: ({ event }) => (event.type === "COMPLETED" ? event.outcome : undefined),
      error: ({ event }) => (event.type === "COMPLETED" ? event.error : undefined),
    }),
  },
}).createMachine({
  id: "strategy",
  context: ({ input }) => ({
    startedAt: input.startedAt,
    calls: [],
    path: 0,
    keyPolicy: "strict",
    lastTimer: -1,
    timers: [],
    outcome: undefined,
    error: undefined,
  }),
  initial: "executing",
  states: {
    executing: {
      on: {
        CALLED: { actions: "record" },
        RESUMED: { actions: "resume" },
        TIMER_SET: { guard: "onPath", actions: "setTimer" },
        TIMER_FIRED: { guard: "onPath", actions: "dropTimer" },
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
