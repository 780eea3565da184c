import type { ErrorRecord, InstanceKind } from "@pitaya/protocol";
import type { AttemptContext, AttemptEvent, AttemptLimits, Stop, StopReason } from "./attempt.ts";

/** A check may be silent for as long as it may take: tests are. */
export const limitsOf = (kind: InstanceKind, limits: AttemptLimits): AttemptLimits =>
  kind === "verify"
    ? { ...limits, stallTimeoutMs: Math.max(limits.stallTimeoutMs, limits.timeoutMs) }
    : limits;

/**
 * How long an agent may wait by itself for a provider that refused it: as a rule CLIs wait for some
 * seconds, and an agent that waits holds a slot.
 */
const REFUSED_SILENCE_MS = 90_000;

/** How long it may say nothing now. */
export const silenceMs = ({
  limits,
  isRefused,
}: Pick<AttemptContext, "limits" | "isRefused">): number =>
  isRefused ? Math.min(limits.stallTimeoutMs, REFUSED_SILENCE_MS) : limits.stallTimeoutMs;

export const isOverDisk = (limits: Pick<AttemptLimits, "diskBytes">, bytes: number): boolean =>
  bytes > limits.diskBytes;

/** So far over that it is killed while it still has time to end by itself. */
export const isFarOverDisk = (limits: Pick<AttemptLimits, "diskBytes">, bytes: number): boolean =>
  bytes > limits.diskBytes * 1.25;

const byDeadline: Partial<Record<string, StopReason>> = {
  start: "start_timeout",
  stall: "stalled",
  total: "timeout",
  final: "final",
  pause: "paused",
};

/** What an event means as a reason to end the agent. */
export function stopReasonOf(event: AttemptEvent): StopReason | undefined {
  if (event.type === "STOP") return event.mode === "cancel" ? "cancelled" : "interrupted";
  if (event.type === "DISK") return "disk_limit";
  return event.type === "DEADLINE" ? byDeadline[event.name] : undefined;
}

const seconds = (ms: number) => `${Math.round(ms / 100) / 10} s`;
const mebibytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;

/** The error an attempt ends with that was ended for this reason; none for an agent that was done. */
export function stopError(stop: Stop, limits: AttemptLimits): ErrorRecord | undefined {
  switch (stop.reason) {
    case "final":
      return undefined;
    case "start_timeout":
      return {
        code: "start_timeout",
        message: `The agent was not started within ${seconds(limits.startTimeoutMs)} of the claim.`,
        hint: "Fetching the base, the image or the credentials took too long on this runner.",
        retryable: true,
      };
    case "stalled":
      return {
        code: "stalled",
        message: `The agent gave no output for ${seconds(limits.stallTimeoutMs)} and was ended.`,
        hint: "Raise runner.stall if its steps are that long.",
        retryable: true,
      };
    case "timeout":
      return {
        code: "timeout",
        message: `The agent ran for ${seconds(limits.timeoutMs)} and was ended.`,
        hint: "Raise --timeout, or split the task.",
        retryable: true,
      };
    case "disk_limit":
      return {
        code: "disk_limit",
        message: `The agent wrote more than ${mebibytes(limits.diskBytes)} and was ended.`,
        hint: "Raise runner.disk_limit.",
        retryable: false,
      };
    case "paused":
      return {
        code: "runner_lost",
        message: `The agent stood still for ${seconds(limits.pauseMaxMs)}, since its runner could not keep its lease, and was ended.`,
        hint: "Look whether the runner reaches the bus, or raise lease.pause_max_ms.",
        retryable: true,
      };
    case "cancelled":
      return { code: "cancelled", message: "The attempt was cancelled.", retryable: false };
    case "interrupted":
      return { code: "interrupted", message: "The attempt was interrupted.", retryable: false };
  }
}
