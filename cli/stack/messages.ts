import { ErrorRecord, PROTOCOL_VERSION } from "@pitaya/protocol";
import { z } from "zod";

/**
 * What a cli and the supervisor say to each other over the stack's socket, one JSON object a line.
 * `hello`, `welcome`, `status`, `down` and `closing` never change: with them any version can greet and end any
 * other. All else is for the same {@link PROTOCOL_VERSION}.
 */
const Version = z.object({
  version: z.string().max(64),
  /** What the program's files are, so that a changed one is another build. */
  build: z.string().max(64),
  /** Of the messages on the bus, and of this socket. */
  protocol: z.int().positive(),
  engine: z.string().max(4_096),
});

/**
 * Why a command is connected; `ask` at first. `submit`: its submit is under way, the stack must not go before it is
 * stored. `attach`: it follows a run or may yet submit. `ask`: about the stack itself; keeps nothing up.
 */
export const Visit = z.enum(["submit", "attach", "ask"]);
export type Visit = z.infer<typeof Visit>;

export const Hello = Version.extend({ type: z.literal("hello") });
export type Hello = z.infer<typeof Hello>;

/** `failed`: it could not start, and says so to those who wait for it before it goes. */
export const Phase = z.enum(["starting", "ready", "failed", "closing"]);
export type Phase = z.infer<typeof Phase>;

export const StackStatus = Version.extend({
  pid: z.int().positive(),
  phase: Phase,
  startedAt: z.iso.datetime(),
  /** How many runs are submitted, executing or finalizing. */
  liveRuns: z.int().nonnegative(),
  /** Other commands that are connected, but for those that only ask. */
  attached: z.int().nonnegative(),
  /** Those of them whose submit is under way. */
  submitting: z.int().nonnegative(),
  /** How long it stays with nobody connected and nothing live. */
  idleMs: z.int().positive(),
  natsUrl: z.string().max(200).optional(),
  /** What keeps everything waiting, such as a full disk. */
  trouble: z.string().max(1_000).optional(),
});
export type StackStatus = z.infer<typeof StackStatus>;

/** How to reach the bus. The credentials are those of the cli role. */
export const BusAccess = z.object({
  url: z.string().max(200),
  user: z.object({ id: z.string().max(63), seed: z.string().max(200) }),
});
export type BusAccess = z.infer<typeof BusAccess>;

/** `replace`: only if nothing is live and nobody submits. `when-idle`: as soon as that is so. */
export const DownMode = z.enum(["now", "when-idle", "replace"]);
export type DownMode = z.infer<typeof DownMode>;

export const EndReason = z.enum(["idle", "down", "replaced", "failed"]);
export type EndReason = z.infer<typeof EndReason>;

const id = z.int().positive();

export const Request = z.discriminatedUnion("verb", [
  z.object({ type: z.literal("request"), id, verb: z.literal("status") }),
  z.object({ type: z.literal("request"), id, verb: z.literal("down"), mode: DownMode }),
  z.object({ type: z.literal("request"), id, verb: z.literal("visit"), visit: Visit }),
  /** This run wants at least so many slots on the embedded runner. They stay until nothing is live. */
  z.object({
    type: z.literal("request"),
    id,
    verb: z.literal("slots"),
    run: z.string().max(200),
    atLeast: z.int().positive().max(1_000),
  }),
]);
export type Request = z.infer<typeof Request>;

export const SupervisorMessage = z.discriminatedUnion("type", [
  z.object({ type: z.literal("welcome"), status: StackStatus }),
  /** What it is doing, for a person who waits. */
  z.object({ type: z.literal("progress"), text: z.string().max(2_000) }),
  z.object({ type: z.literal("ready"), bus: BusAccess }),
  z.object({ type: z.literal("failed"), error: ErrorRecord }),
  /** It is going. The end of the connection says that it is gone and its lock free. */
  z.object({
    type: z.literal("closing"),
    reason: EndReason,
    /** Runs that were live and have been interrupted for it. */
    interrupted: z.array(z.string().max(200)),
  }),
  z.object({ type: z.literal("done"), id, status: StackStatus }),
  z.object({ type: z.literal("refused"), id, error: ErrorRecord }),
]);
export type SupervisorMessage = z.infer<typeof SupervisorMessage>;

/** A program's own version, as it says it to the other side. */
export interface ProgramVersion {
  readonly version: string;
  readonly build: string;
}

export const hello = (program: ProgramVersion, engine: string): Hello => ({
  type: "hello",
  version: program.version,
  build: program.build,
  protocol: PROTOCOL_VERSION,
  engine,
});
