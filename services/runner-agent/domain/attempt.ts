import type {
  AttemptAccount,
  AttemptWork,
  BlobRef,
  BundleRef,
  ErrorRecord,
  Fact,
  FactOf,
  InstanceKind,
  SessionSnapshot,
  StopMode,
  TaskLimits,
  Text,
} from "@pitaya/protocol";
import type { ContainerExit } from "../ports/executor.port.ts";

/**
 * Where an attempt is taken up: `claimed` with a start just taken from the queue; `restarted` after a
 * restart before its container ever ran; `adopted` after a restart with a container that ran or
 * runs; `paused` with one that stands still; `lost` when such a container is gone; `ended` when its chain already has its last word;
 * `sealed` when the coordinator has ended it.
 */
export type AttemptBeginning =
  | "claimed"
  | "restarted"
  | "adopted"
  | "paused"
  | "lost"
  | "ended"
  | "sealed";

/** The task's own limits, and those a runner adds for what it does itself. */
export interface AttemptLimits
  extends Pick<
    TaskLimits,
    "startTimeoutMs" | "stallTimeoutMs" | "timeoutMs" | "diskBytes" | "snapshotIntervalMs"
  > {
  /** A CLI that said its last word gets this long to exit by itself. */
  readonly finalGraceMs: number;
  /** Between TERM and KILL of the agent, inside its container. */
  readonly killGraceMs: number;
  /** For the harvest inside the container. */
  readonly harvestTimeoutMs: number;
  /** For copying out and checking what was harvested, on this host. */
  readonly collectTimeoutMs: number;
  /** A container that was killed is gone after this long, or the engine is at fault. */
  readonly goneTimeoutMs: number;
  /** An agent that stands still for so long is killed, and what it made harvested. */
  readonly pauseMaxMs: number;
}

/** Why the runner ends an agent. `final`: it is done and does not exit. */
export type StopReason =
  | "final"
  | "start_timeout"
  | "stalled"
  | "timeout"
  | "disk_limit"
  | "paused"
  | "cancelled"
  | "interrupted";

export interface Stop {
  readonly reason: StopReason;
  readonly atMs: number;
}

/** How the agent ended, and what its whole output meant. Redacted. */
export interface AgentEnd {
  readonly atMs: number;
  readonly exit: ContainerExit;
  /** Why the agent says it failed; absent when it says it succeeded. */
  readonly failure?: ErrorRecord;
  readonly finalMessage?: string;
  /** JSON, as text. */
  readonly output?: string;
  readonly account: Omit<AttemptAccount, "agentMs">;
  readonly lastOutput: string;
}

/** What was collected on this host, and checked. Paths are of the attempt's own directory. */
export interface Harvested {
  readonly work?: AttemptWork;
  readonly bundlePath?: string;
  /** Commits recorded as shallow for whoever fetches the bundle. */
  readonly shallow: readonly string[];
  readonly patchPath?: string;
  readonly forcedCommit: boolean;
  readonly lfsObjectsMissing: number;
  /** The conversation that belongs to these files; absent where they were not both whole. */
  readonly conversation?: Conversation;
  /** Why some of it does not count and is not kept. */
  readonly error?: ErrorRecord;
}

/** An agent's session, redacted, and the commit its workspace stood at. */
export interface Conversation {
  readonly sessionId: string;
  readonly archive: Uint8Array;
  readonly commit: string;
}

/** What of it is in the blob store. */
export interface Made {
  readonly work?: AttemptWork;
  readonly bundle?: BundleRef;
  readonly patch?: BlobRef;
  readonly snapshot?: SessionSnapshot;
  readonly lfsObjectsMissing: number;
}

/** What an attempt is of, as far as its end depends on it. */
export interface Errand {
  readonly kind: InstanceKind;
  /** Another task may go on with its conversation. */
  readonly keepsSession: boolean;
}

export interface AttemptInput {
  readonly errand: Errand;
  readonly beginning: AttemptBeginning;
  readonly limits: AttemptLimits;
  readonly claimedAtMs: number;
  /** What an earlier incarnation had recorded. */
  readonly agentStartedAtMs?: number;
  readonly imageId?: string;
  readonly stop?: Stop;
  /** Since when its container stands still. */
  readonly pausedAtMs?: number | undefined;
  /** When it is taken up. */
  readonly atMs: number;
}

export interface AttemptContext extends AttemptInput {
  /** The container was, or is about to be, started: from here on it is adopted, never started again. */
  readonly startRequested: boolean;
  readonly lastOutputAtMs: number;
  /** That was of a request which was refused, and which it makes again by itself. */
  readonly isRefused?: boolean;
  /** This incarnation has its container in hand: it was started or adopted, and its output is read. */
  readonly isInHand: boolean;
  /** Of its facts, how many told of a pause and are in the log. */
  readonly pausesTold: number;
  /** The coordinator wants it to go on. Counts once the pause is in the log, which a seal prevents. */
  readonly isConfirmed: boolean;
  readonly overranMs?: number | undefined;
  /** Since when an adopted agent waits for somebody to bring its credentials again. */
  readonly waitingSinceMs?: number | undefined;
  /** A snapshot is being taken. */
  readonly isSnapshotting: boolean;
  /** When the last one was taken, or was not to be had. */
  readonly snapshotAtMs?: number;
  /** When the agent CLI said its last word. */
  readonly finalAtMs?: number;
  readonly killedAtMs?: number;
  /** When its container was seen to have ended. */
  readonly leftAtMs?: number;
  readonly end?: AgentEnd;
  readonly harvestingSinceMs?: number;
  readonly harvested?: Harvested;
  readonly made?: Made;
  readonly finalMessage?: Text;
  readonly output?: Text;
  /** What a read task found. */
  readonly found?: FileFound;
  /** Why a phase of ours could not be done. The first one counts. */
  readonly error?: ErrorRecord;
  /** End of the output when the engine failed under the agent. */
  readonly lastOutput?: string;
  /** Facts to be published, in order. They only ever grow. */
  readonly facts: readonly Fact[];
}

/** A file that was read; without text there is none. */
export type FileFound = NonNullable<FactOf<"attempt.succeeded">["read"]>;

/** Points in time at which a state is over; see `deadlines.rules.ts`. */
export type DeadlineName =
  | "start"
  | "stall"
  | "total"
  | "final"
  | "snapshot"
  | "kill"
  | "gone"
  | "collect"
  | "pause";

export type AttemptEvent =
  | { readonly type: "RECORDED" }
  | { readonly type: "FETCHED" }
  | { readonly type: "READ"; readonly found: FileFound }
  | { readonly type: "PREPARED"; readonly imageId: string }
  | { readonly type: "STARTED"; readonly container: string; readonly atMs: number }
  /** Adopted, and nobody has its credentials any more. */
  | { readonly type: "WAITING"; readonly missing: readonly string[]; readonly atMs: number }
  | { readonly type: "OUTPUT"; readonly atMs: number }
  /** Its provider refused a request, and it waits to make it again. */
  | { readonly type: "REFUSED"; readonly atMs: number }
  /** Its container has ended; some of what it said may still wait for room in the store. */
  | { readonly type: "LEFT"; readonly atMs: number }
  | { readonly type: "GAP"; readonly gap: Omit<FactOf<"output.gap">, "type"> }
  /** The agent CLI said its last word. */
  | { readonly type: "FINAL"; readonly atMs: number }
  /** Without one when nothing has changed since the last, or none was to be had. */
  | {
      readonly type: "SNAPSHOT_TAKEN";
      readonly snapshot?: SessionSnapshot;
      readonly atMs: number;
    }
  | { readonly type: "EXITED"; readonly end: AgentEnd }
  | { readonly type: "HARVESTED"; readonly harvested: Harvested }
  | {
      readonly type: "STORED";
      readonly made: Made;
      readonly finalMessage?: Text;
      readonly output?: Text;
    }
  | { readonly type: "REPORTED" }
  | { readonly type: "CLEANED" }
  /** The phase under way cannot be done. */
  | { readonly type: "FAILED"; readonly error: ErrorRecord; readonly lastOutput?: string }
  | { readonly type: "STOP"; readonly mode: StopMode; readonly atMs: number }
  | { readonly type: "DEADLINE"; readonly name: DeadlineName; readonly atMs: number }
  | { readonly type: "DISK"; readonly bytes: number; readonly atMs: number }
  /** Its container was paused: the runner can not, or could not, keep its lease. */
  | { readonly type: "PAUSED"; readonly atMs: number; readonly overranMs?: number }
  /** The fact that told of it is in the log, so the attempt was not sealed before it. */
  | { readonly type: "PAUSE_TOLD" }
  /** The coordinator wants it to go on. */
  | { readonly type: "CONFIRMED" }
  | { readonly type: "UNPAUSED"; readonly atMs: number }
  /** The coordinator's seal was read: stop at once and say nothing more. */
  | { readonly type: "SEALED" }
  /** Another incarnation of this runner goes on with it: it is no longer ours. */
  | { readonly type: "SUPERSEDED" };
