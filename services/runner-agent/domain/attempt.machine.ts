import type { AttemptPhase } from "@pitaya/protocol";
import { assign, type SnapshotFrom, setup } from "xstate";
import type {
  AttemptBeginning,
  AttemptContext,
  AttemptEvent,
  AttemptInput,
  DeadlineName,
} from "./attempt.ts";
import { withoutPause } from "./deadlines.rules.ts";
import { bareEndingFact, endingFact } from "./ending.rules.ts";
import { isFarOverDisk, isOverDisk, stopReasonOf } from "./limits.rules.ts";

const due =
  (...names: readonly DeadlineName[]) =>
  ({ event }: { event: AttemptEvent }) =>
    event.type === "DEADLINE" && names.includes(event.name);

/** Before an agent runs, whatever goes wrong ends the attempt without more ado. */
const early = {
  FAILED: { target: "#attempt.live.reporting", actions: "keepError" },
  STOP: { target: "#attempt.live.reporting", actions: "keepStop" },
  DEADLINE: { guard: "startDue", target: "#attempt.live.reporting", actions: "keepStop" },
} as const;

/** While its container stands still. What takes too long then is killed where it stands. */
const standing = {
  STOP: { actions: "keepStop" },
  DEADLINE: [
    {
      guard: "pauseDueInHand",
      target: "#attempt.live.running.killing",
      actions: ["keepStop", "keepKill"],
    },
    {
      guard: "pauseDue",
      target: "#attempt.live.running.adopting",
      actions: ["keepStop", "keepKill"],
    },
  ],
} as const;

/** Whether the last pause is in the log. */
const isPauseTold = ({ facts, pausesTold }: AttemptContext): boolean =>
  facts.filter(({ type }) => type === "attempt.paused").length === pausesTold;

/**
 * The life of one attempt on its runner. In `running`, `paused` lasts until the coordinator has
 * confirmed the attempt, and `goingOn` until its container goes on; `terminating` follows TERM, which
 * leaves the wrapper time to end the agent and harvest; `killing` follows KILL. `reporting` publishes the last
 * fact, and until that is stored nothing of the attempt is thrown away; a fact that cannot be written
 * is told barely.
 *
 * Its timers are in `deadlines.rules.ts`; what each state asks of the outside, in `intents.rules.ts`.
 */
export const attemptMachine = setup({
  types: {
    input: {} as AttemptInput,
    context: {} as AttemptContext,
    events: {} as AttemptEvent,
  },
  guards: {
    begins: ({ context }, beginning: AttemptBeginning) => context.beginning === beginning,
    isStopped: ({ context }) => context.stop !== undefined,
    isKilled: ({ context }) => context.killedAtMs !== undefined,
    isPaused: ({ context }) => context.pausedAtMs !== undefined,
    isOutOfHand: ({ context }) => !context.isInHand,
    isPauseTold: ({ context }) => isPauseTold(context),
    // An order to end it that the coordinator gave before says as much as a confirmation.
    mayGoOn: ({ context }) =>
      isPauseTold(context) && (context.isConfirmed || context.stop !== undefined),
    pauseDue: due("pause"),
    pauseDueInHand: ({ context, event }) => due("pause")({ event }) && context.isInHand,
    startDue: due("start"),
    limitDue: due("stall", "total", "final"),
    snapshotDue: due("snapshot"),
    killDue: due("kill"),
    goneDue: due("gone"),
    collectDue: due("collect"),
    overDisk: ({ context, event }) =>
      event.type === "DISK" && isOverDisk(context.limits, event.bytes),
    farOverDisk: ({ context, event }) =>
      event.type === "DISK" && isFarOverDisk(context.limits, event.bytes),
  },
  actions: {
    enter: assign({
      facts: ({ context }, phase: AttemptPhase) => [
        ...context.facts,
        { type: "attempt.entered" as const, phase },
      ],
    }),
    keepFound: assign(({ event }) => (event.type === "READ" ? { found: event.found } : {})),
    keepImage: assign(({ event }) => (event.type === "PREPARED" ? { imageId: event.imageId } : {})),
    requestStart: assign({ startRequested: true }),
    keepStart: assign(({ context, event }) => {
      if (event.type !== "STARTED") return {};
      const { container, atMs } = event;
      const inHand = { isInHand: true, lastOutputAtMs: atMs };
      if (context.waitingSinceMs !== undefined) {
        const goesOn = { type: "attempt.entered" as const, phase: "running" as const };
        return {
          ...withoutPause({ ...context, pausedAtMs: context.waitingSinceMs }, atMs),
          ...inHand,
          waitingSinceMs: undefined,
          facts: [...context.facts, goesOn],
        };
      }
      // An adopted agent started when it started; to tell it a second time would be no fact.
      if (context.agentStartedAtMs !== undefined) return inHand;
      const started = {
        type: "attempt.started" as const,
        container,
        imageId: context.imageId ?? "",
      };
      return { ...inHand, agentStartedAtMs: atMs, facts: [...context.facts, started] };
    }),
    tellWaiting: assign(({ context, event }) => {
      if (event.type !== "WAITING" || context.waitingSinceMs !== undefined) return {};
      const { atMs, missing } = event;
      const fact = { type: "attempt.waitingForCredentials" as const, missing: [...missing] };
      return { waitingSinceMs: atMs, facts: [...context.facts, fact] };
    }),
    keepPause: assign(({ context, event }) => {
      if (event.type !== "PAUSED") return {};
      const { atMs, overranMs } = event;
      return { pausedAtMs: context.pausedAtMs ?? atMs, overranMs };
    }),
    tellPause: assign(({ context }) => {
      const { overranMs } = context;
      const fact = {
        type: "attempt.paused" as const,
        ...(overranMs !== undefined && { overranMs }),
      };
      return { isConfirmed: false, facts: [...context.facts, fact] };
    }),
    keepPauseTold: assign(({ context }) => ({ pausesTold: context.pausesTold + 1 })),
    keepConfirmed: assign({ isConfirmed: true }),
    goOn: assign(({ context, event }) => {
      if (event.type !== "UNPAUSED") return {};
      const fact = { type: "attempt.unpaused" as const };
      return {
        ...withoutPause(context, event.atMs),
        pausedAtMs: undefined,
        overranMs: undefined,
        facts: [...context.facts, fact],
      };
    }),
    keepOutput: assign(({ event }) =>
      event.type === "OUTPUT" || event.type === "REFUSED"
        ? { lastOutputAtMs: event.atMs, isRefused: event.type === "REFUSED" }
        : {},
    ),
    keepGap: assign(({ context, event }) =>
      event.type === "GAP"
        ? { facts: [...context.facts, { type: "output.gap" as const, ...event.gap }] }
        : {},
    ),
    beginSnapshot: assign({ isSnapshotting: true }),
    keepSnapshot: assign(({ context, event }) => {
      if (event.type !== "SNAPSHOT_TAKEN") return {};
      const { snapshot, atMs } = event;
      const taken = { isSnapshotting: false, snapshotAtMs: atMs };
      if (snapshot === undefined) return taken;
      const fact = { type: "attempt.snapshot" as const, snapshot };
      return { ...taken, facts: [...context.facts, fact] };
    }),
    keepFinal: assign(({ context, event }) =>
      event.type === "FINAL" ? { finalAtMs: context.finalAtMs ?? event.atMs } : {},
    ),
    keepLeft: assign(({ event }) => (event.type === "LEFT" ? { leftAtMs: event.atMs } : {})),
    keepStop: assign(({ context, event }) => {
      const reason = stopReasonOf(event);
      if (reason === undefined || context.stop !== undefined || !("atMs" in event)) return {};
      return { stop: { reason, atMs: event.atMs } };
    }),
    keepKill: assign(({ event }) => ("atMs" in event ? { killedAtMs: event.atMs } : {})),
    keepEnd: assign(({ event }) =>
      event.type === "EXITED" ? { end: event.end, harvestingSinceMs: event.end.atMs } : {},
    ),
    keepHarvest: assign(({ event }) =>
      event.type === "HARVESTED" ? { harvested: event.harvested } : {},
    ),
    keepMade: assign(({ event }) => {
      if (event.type !== "STORED") return {};
      const { made, finalMessage, output } = event;
      return { made, ...(finalMessage && { finalMessage }), ...(output && { output }) };
    }),
    keepError: assign(({ context, event }) => {
      if (event.type !== "FAILED") return {};
      const { lastOutput } = event;
      const error = context.error ?? event.error;
      return lastOutput === undefined ? { error } : { error, lastOutput };
    }),
    blameLoss: assign({
      error: {
        code: "runner_lost" as const,
        message: "The attempt's container was gone when its runner-agent came back.",
        retryable: true,
      },
    }),
    blameEngine: assign({
      error: ({ context }) =>
        context.error ?? {
          code: "engine_unavailable" as const,
          message: "The engine did not end the container when it was told to kill it.",
          retryable: true,
        },
    }),
    blameHarvest: assign({
      error: ({ context }) =>
        context.error ?? {
          code: "harvest_failed" as const,
          message: `What the agent made could not be collected within ${context.limits.collectTimeoutMs} ms.`,
          retryable: true,
        },
    }),
    replaceError: assign(({ event }) => (event.type === "FAILED" ? { error: event.error } : {})),
    conclude: assign({ facts: ({ context }) => [...context.facts, endingFact(context)] }),
    concludeBarely: assign({
      facts: ({ context }) => [...context.facts, bareEndingFact(context)],
    }),
  },
}).createMachine({
  id: "attempt",
  // XState works this out for every transition, too, and then without an input.
  context: ({ input }) => ({
    ...input,
    startRequested:
      input?.beginning === "adopted" ||
      input?.beginning === "paused" ||
      input?.beginning === "lost",
    lastOutputAtMs: input?.atMs,
    isSnapshotting: false,
    isInHand: false,
    pausedAtMs: input?.beginning === "paused" ? (input?.pausedAtMs ?? input?.atMs) : undefined,
    pausesTold: 0,
    isConfirmed: false,
    facts: [],
  }),
  initial: "live",
  states: {
    live: {
      on: { SEALED: "sealed", SUPERSEDED: "superseded" },
      initial: "beginning",
      states: {
        beginning: {
          always: [
            { guard: { type: "begins", params: "sealed" }, target: "#attempt.sealed" },
            { guard: { type: "begins", params: "ended" }, target: "cleaning" },
            { guard: { type: "begins", params: "adopted" }, target: "running.adopting" },
            { guard: { type: "begins", params: "paused" }, target: "running.paused" },
            { guard: { type: "begins", params: "restarted" }, target: "fetching" },
            {
              guard: { type: "begins", params: "lost" },
              target: "reporting",
              actions: "blameLoss",
            },
            { target: "claimed" },
          ],
        },
        claimed: { on: { ...early, RECORDED: "fetching" } },
        fetching: {
          entry: { type: "enter", params: "fetching" },
          on: {
            ...early,
            FETCHED: "preparing",
            READ: { target: "reporting", actions: "keepFound" },
          },
        },
        preparing: {
          entry: { type: "enter", params: "preparing" },
          on: { ...early, PREPARED: { target: "running.starting", actions: "keepImage" } },
        },
        running: {
          entry: { type: "enter", params: "running" },
          on: {
            OUTPUT: { actions: "keepOutput" },
            REFUSED: { actions: "keepOutput" },
            GAP: { actions: "keepGap" },
            FINAL: { actions: "keepFinal" },
            LEFT: { actions: "keepLeft" },
            SNAPSHOT_TAKEN: { actions: "keepSnapshot" },
            PAUSE_TOLD: { actions: "keepPauseTold" },
            EXITED: { target: "harvesting", actions: "keepEnd" },
            FAILED: { target: "reporting", actions: "keepError" },
          },
          initial: "starting",
          states: {
            starting: {
              entry: "requestStart",
              on: {
                ...early,
                PAUSED: { actions: "keepPause" },
                STARTED: [
                  { guard: "isPaused", target: "paused", actions: "keepStart" },
                  { target: "working", actions: "keepStart" },
                ],
              },
            },
            adopting: {
              on: {
                WAITING: { actions: "tellWaiting" },
                STOP: { actions: "keepStop" },
                PAUSED: { actions: "keepPause" },
                STARTED: [
                  { guard: "isKilled", target: "killing", actions: ["keepStart", "keepKill"] },
                  { guard: "isPaused", target: "paused", actions: "keepStart" },
                  { guard: "isStopped", target: "terminating", actions: "keepStart" },
                  { target: "working", actions: "keepStart" },
                ],
              },
            },
            working: {
              on: {
                STOP: { target: "terminating", actions: "keepStop" },
                PAUSED: { target: "paused", actions: "keepPause" },
                DEADLINE: [
                  { guard: "limitDue", target: "terminating", actions: "keepStop" },
                  { guard: "snapshotDue", actions: "beginSnapshot" },
                ],
                DISK: { guard: "overDisk", target: "terminating", actions: "keepStop" },
              },
            },
            paused: {
              entry: "tellPause",
              always: { guard: "mayGoOn", target: "goingOn" },
              on: {
                ...standing,
                CONFIRMED: { actions: "keepConfirmed" },
                // Told already, it may have been sealed since: so the pause is told anew.
                PAUSED: {
                  guard: "isPauseTold",
                  target: "paused",
                  reenter: true,
                  actions: "keepPause",
                },
              },
            },
            goingOn: {
              on: {
                ...standing,
                PAUSED: { target: "paused", actions: "keepPause" },
                UNPAUSED: [
                  { guard: "isOutOfHand", target: "adopting", actions: "goOn" },
                  { guard: "isStopped", target: "terminating", actions: "goOn" },
                  { target: "working", actions: "goOn" },
                ],
              },
            },
            terminating: {
              on: {
                PAUSED: { target: "paused", actions: "keepPause" },
                DEADLINE: { guard: "killDue", target: "killing", actions: "keepKill" },
                DISK: { guard: "farOverDisk", target: "killing", actions: "keepKill" },
              },
            },
            killing: {
              on: {
                DEADLINE: {
                  guard: "goneDue",
                  target: "#attempt.live.reporting",
                  actions: "blameEngine",
                },
              },
            },
          },
        },
        harvesting: {
          entry: { type: "enter", params: "harvesting" },
          on: {
            HARVESTED: { target: "uploading", actions: "keepHarvest" },
            FAILED: { target: "reporting", actions: "keepError" },
            DEADLINE: { guard: "collectDue", target: "reporting", actions: "blameHarvest" },
          },
        },
        uploading: {
          entry: { type: "enter", params: "uploading" },
          on: {
            STORED: { target: "reporting", actions: "keepMade" },
            FAILED: { target: "reporting", actions: "keepError" },
          },
        },
        reporting: {
          on: { REPORTED: "cleaning" },
          initial: "whole",
          states: {
            whole: {
              entry: "conclude",
              on: { FAILED: { target: "bare", actions: "replaceError" } },
            },
            bare: { entry: "concludeBarely", on: { FAILED: "#attempt.live.cleaning" } },
          },
        },
        cleaning: { on: { CLEANED: "#attempt.done" } },
      },
    },
    sealed: { on: { CLEANED: "done" } },
    superseded: { type: "final" },
    done: { type: "final" },
  },
});

export type AttemptSnapshot = SnapshotFrom<typeof attemptMachine>;
