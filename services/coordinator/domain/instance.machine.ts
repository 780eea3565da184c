import type {
  AttemptPhase,
  Decision,
  DecisionOf,
  ErrorRecord,
  Fact,
  SessionSnapshot,
} from "@pitaya/protocol";
import { assign, setup } from "xstate";

/** How an attempt ended, as its chain tells it; what that means for the instance is decided after. */
export type AttemptEnd =
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed"; readonly error: ErrorRecord }
  | { readonly kind: "sealed"; readonly reason: string };

export interface InstanceContext {
  readonly scheduled: DecisionOf<"instance.scheduled">;
  /** The attempt under way or last made; 0 before the first. */
  readonly attempt: number;
  readonly runner: string;
  /** Stream sequence of the decision that placed it. */
  readonly placedBy: number;
  /** When that was stored, epoch milliseconds of the server. */
  readonly placedAt: number;
  readonly claimTimeoutMs: number;
  readonly phase: AttemptPhase | undefined;
  readonly end: AttemptEnd | undefined;
  /** Failures that counted against the retries. */
  readonly failures: number;
  /** When a backing-off instance is due, epoch milliseconds of the server. */
  readonly dueAt: number;
  readonly error: ErrorRecord | undefined;
  /** The strategy no longer wants it: it is ended, unless it ends by itself before. */
  readonly unwanted: boolean;
  /** Where the next attempt can go on from, and which attempt left it. */
  readonly kept: KeptSnapshot | undefined;
}

export interface KeptSnapshot {
  readonly attempt: number;
  readonly snapshot: SessionSnapshot;
}

type InstanceDecision = Exclude<
  Extract<Decision, { instance: string }>,
  { type: "instance.scheduled" }
>;

/** Events of the log about this instance. `at` and `sequence` are the place in the stream. */
export type InstanceEvent =
  | {
      readonly type: "DECIDED";
      readonly entry: InstanceDecision;
      readonly at: number;
      readonly sequence: number;
    }
  | { readonly type: "TOLD"; readonly attempt: number; readonly fact: Fact }
  | { readonly type: "SEALED"; readonly attempt: number; readonly reason: string }
  /** fresh: what was kept of earlier attempts is not gone on from. */
  | { readonly type: "RUN_RESUMED"; readonly fresh: boolean };

const decided =
  <T extends InstanceDecision["type"]>(type: T) =>
  ({ event }: { event: InstanceEvent }) =>
    event.type === "DECIDED" && event.entry.type === type;

const told =
  (type: Fact["type"]) =>
  ({ context, event }: { context: InstanceContext; event: InstanceEvent }) =>
    event.type === "TOLD" && event.attempt === context.attempt && event.fact.type === type;

/** Whether it has a live attempt or none: what follows from it is decided after. */
const stopping = { guard: "decidedStopping", actions: "giveUp" } as const;

/** How an instance became final, or left for later: allowed from wherever no attempt is live. */
const endings = [
  { guard: "decidedFailed", target: "#instance.failed", actions: "keepError" },
  { guard: "decidedCancelled", target: "#instance.cancelled" },
  { guard: "decidedInterrupted", target: "#instance.interrupted" },
  stopping,
] as const;

/** What every fact and seal of a live attempt does, whatever the phase. */
const attemptEnds = {
  TOLD: [
    { guard: "toldEnd", target: "settling", actions: ["keepEnd", "keepSnapshot"] },
    { guard: "toldSnapshot", actions: "keepSnapshot" },
    { guard: "toldPaused", target: "paused" },
    { guard: "toldUnpaused", target: "running" },
    { guard: "toldStarted", target: "running", actions: "enterPhase" },
    { guard: "toldHarvesting", target: "harvesting", actions: "enterPhase" },
    { guard: "toldPhase", target: "starting", actions: "enterPhase" },
  ],
  SEALED: { guard: "ofAttempt", target: "settling", actions: "keepEnd" },
  DECIDED: stopping,
} as const;

/**
 * The life of one instance, as the coordinator sees it. It advances only on events read back from
 * the log. `settling` is where an attempt has ended and the decision about it has not been made.
 */
export const instanceMachine = setup({
  types: {
    input: {} as DecisionOf<"instance.scheduled">,
    context: {} as InstanceContext,
    events: {} as InstanceEvent,
  },
  guards: {
    decidedPlaced: decided("attempt.placed"),
    decidedQueued: decided("instance.queued"),
    decidedBackingOff: decided("instance.backingOff"),
    decidedWaiting: decided("instance.waitingForCredentials"),
    decidedSucceeded: decided("instance.succeeded"),
    decidedFailed: decided("instance.failed"),
    decidedCancelled: decided("instance.cancelled"),
    decidedInterrupted: decided("instance.interrupted"),
    decidedStopping: decided("instance.stopping"),
    ofAttempt: ({ context, event }) => "attempt" in event && event.attempt === context.attempt,
    toldEnd: ({ context, event }) =>
      event.type === "TOLD" &&
      event.attempt === context.attempt &&
      (event.fact.type === "attempt.succeeded" || event.fact.type === "attempt.failed"),
    toldSnapshot: told("attempt.snapshot"),
    toldPaused: told("attempt.paused"),
    toldUnpaused: told("attempt.unpaused"),
    toldStarted: ({ context, event }) =>
      event.type === "TOLD" &&
      event.attempt === context.attempt &&
      (event.fact.type === "attempt.started" ||
        (event.fact.type === "attempt.entered" && event.fact.phase === "running")),
    toldHarvesting: ({ context, event }) =>
      event.type === "TOLD" &&
      event.attempt === context.attempt &&
      event.fact.type === "attempt.entered" &&
      (event.fact.phase === "harvesting" || event.fact.phase === "uploading"),
    toldPhase: ({ context, event }) =>
      event.type === "TOLD" &&
      event.attempt === context.attempt &&
      (event.fact.type === "attempt.claimed" || event.fact.type === "attempt.entered"),
  },
  actions: {
    place: assign(({ context, event }) => {
      if (event.type !== "DECIDED" || event.entry.type !== "attempt.placed") return {};
      const { attempt, runner, claimTimeoutMs } = event.entry;
      return {
        ...context,
        attempt,
        runner,
        claimTimeoutMs,
        placedBy: event.sequence,
        placedAt: event.at,
        phase: undefined,
        end: undefined,
      };
    }),
    enterPhase: assign({
      phase: ({ context, event }) => {
        if (event.type !== "TOLD") return context.phase;
        if (event.fact.type === "attempt.entered") return event.fact.phase;
        return event.fact.type === "attempt.started" ? "running" : context.phase;
      },
    }),
    keepEnd: assign({
      end: ({ event }): AttemptEnd | undefined => {
        if (event.type === "SEALED") return { kind: "sealed", reason: event.reason };
        if (event.type !== "TOLD") return undefined;
        return event.fact.type === "attempt.failed"
          ? { kind: "failed", error: event.fact.error }
          : { kind: "succeeded" };
      },
    }),
    keepSnapshot: assign({
      kept: ({ context, event }): KeptSnapshot | undefined => {
        if (event.type !== "TOLD") return context.kept;
        const { attempt, fact } = event;
        // The session could not be opened: the next attempt starts over.
        if (fact.type === "attempt.failed" && fact.error.code === "session_lost") return undefined;
        const isTold = fact.type === "attempt.snapshot" || fact.type === "attempt.failed";
        const snapshot = isTold ? fact.snapshot : undefined;
        return snapshot === undefined ? context.kept : { attempt, snapshot };
      },
    }),
    startOver: assign({
      kept: ({ context, event }) =>
        event.type === "RUN_RESUMED" && event.fresh ? undefined : context.kept,
    }),
    countLoss: assign({
      failures: ({ context }) =>
        context.end?.kind === "sealed" && context.end.reason === "lost"
          ? context.failures + 1
          : context.failures,
    }),
    backOff: assign(({ context, event }) => {
      if (event.type !== "DECIDED" || event.entry.type !== "instance.backingOff") return {};
      const { error, delayMs } = event.entry;
      return { failures: context.failures + 1, dueAt: event.at + delayMs, error };
    }),
    giveUp: assign({ unwanted: true }),
    keepError: assign({
      error: ({ context, event }) =>
        event.type === "DECIDED" && event.entry.type === "instance.failed"
          ? event.entry.error
          : context.error,
    }),
  },
}).createMachine({
  id: "instance",
  context: ({ input }) => ({
    scheduled: input,
    attempt: 0,
    runner: "",
    placedBy: 0,
    placedAt: 0,
    claimTimeoutMs: 0,
    phase: undefined,
    end: undefined,
    failures: 0,
    dueAt: 0,
    error: undefined,
    unwanted: false,
    kept: undefined,
  }),
  initial: "queued",
  states: {
    queued: {
      on: {
        DECIDED: [
          { guard: "decidedPlaced", target: "placed", actions: "place" },
          { guard: "decidedWaiting", target: "waitingForCredentials" },
          ...endings,
        ],
      },
    },
    placed: { on: attemptEnds },
    starting: { on: attemptEnds },
    running: { on: attemptEnds },
    harvesting: { on: attemptEnds },
    /** Its container stands still until the coordinator confirms it. */
    paused: { on: attemptEnds },
    settling: {
      on: {
        DECIDED: [
          { guard: "decidedSucceeded", target: "succeeded" },
          { guard: "decidedBackingOff", target: "backingOff", actions: "backOff" },
          { guard: "decidedWaiting", target: "waitingForCredentials" },
          { guard: "decidedQueued", target: "queued", actions: "countLoss" },
          ...endings,
        ],
      },
    },
    backingOff: {
      on: { DECIDED: [{ guard: "decidedQueued", target: "queued" }, ...endings] },
    },
    waitingForCredentials: {
      on: { DECIDED: [{ guard: "decidedQueued", target: "queued" }, ...endings] },
    },
    interrupted: { on: { RUN_RESUMED: { target: "queued", actions: "startOver" } } },
    succeeded: { type: "final" },
    failed: { type: "final" },
    cancelled: { type: "final" },
  },
});

export type InstanceStateName =
  | "queued"
  | "placed"
  | "starting"
  | "running"
  | "harvesting"
  | "paused"
  | "settling"
  | "backingOff"
  | "waitingForCredentials"
  | "interrupted"
  | "succeeded"
  | "failed"
  | "cancelled";
