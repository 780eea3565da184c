import type { ErrorRecord, RunSpec, StopMode } from "@pitaya/protocol";
import { assign, setup } from "xstate";

export interface RunContext {
  readonly spec: RunSpec;
  /** Someone asked to stop; attempts are told, and the run stops when they have ended. */
  readonly stopping: StopMode | undefined;
  readonly stopReason: string;
  readonly error: ErrorRecord | undefined;
  /** How often it was resumed: intents of an earlier life have other ids. */
  readonly lives: number;
}

export type RunEvent =
  | { readonly type: "STRATEGY_STARTED" }
  | { readonly type: "STOPPING"; readonly mode: StopMode; readonly reason: string }
  | { readonly type: "FINALIZING" }
  | { readonly type: "SUCCEEDED" }
  | { readonly type: "FAILED"; readonly error: ErrorRecord }
  | { readonly type: "CANCELLED" }
  | { readonly type: "INTERRUPTED" }
  | { readonly type: "RESUMED" };

const stop = { actions: "stop" } as const;
const cancelled = { target: "#run.cancelled" } as const;
const failed = { target: "#run.failed", actions: "fail" } as const;
const interrupted = { target: "#run.interrupted", actions: "stopped" } as const;

/** The life of a run. It advances only on decisions read back from the log. */
export const runMachine = setup({
  types: {
    input: {} as RunSpec,
    context: {} as RunContext,
    events: {} as RunEvent,
  },
  actions: {
    stop: assign(({ event }) =>
      event.type === "STOPPING" ? { stopping: event.mode, stopReason: event.reason } : {},
    ),
    stopped: assign({ stopping: undefined }),
    fail: assign({ error: ({ event }) => (event.type === "FAILED" ? event.error : undefined) }),
    resume: assign({ stopping: undefined, lives: ({ context }) => context.lives + 1 }),
  },
}).createMachine({
  id: "run",
  context: ({ input }) => ({
    spec: input,
    stopping: undefined,
    stopReason: "",
    error: undefined,
    lives: 1,
  }),
  initial: "submitted",
  states: {
    submitted: {
      on: {
        STRATEGY_STARTED: "executing",
        STOPPING: stop,
        FAILED: failed,
        CANCELLED: cancelled,
        INTERRUPTED: interrupted,
      },
    },
    executing: {
      on: {
        FINALIZING: "finalizing",
        STOPPING: stop,
        FAILED: failed,
        CANCELLED: cancelled,
        INTERRUPTED: interrupted,
      },
    },
    finalizing: { on: { SUCCEEDED: "succeeded", FAILED: failed } },
    interrupted: {
      on: { RESUMED: { target: "executing", actions: "resume" }, CANCELLED: cancelled },
    },
    succeeded: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
  },
});

export type RunStateName =
  | "submitted"
  | "executing"
  | "finalizing"
  | "interrupted"
  | "succeeded"
  | "failed"
  | "cancelled";
