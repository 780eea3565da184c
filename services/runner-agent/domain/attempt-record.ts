import { z } from "zod";
import type { AttemptContext, AttemptInput } from "./attempt.ts";

const Milliseconds = z.number().nonnegative();

/** What of an attempt outlives its runner-agent, beside the start command. Holds no secret. */
export const AttemptRecord = z.object({
  v: z.literal(1),
  claimedAtMs: Milliseconds,
  /** The container was, or was about to be, started. */
  startRequested: z.boolean(),
  imageId: z.string().optional(),
  agentStartedAtMs: Milliseconds.optional(),
  stop: z
    .object({
      reason: z.enum([
        "final",
        "start_timeout",
        "stalled",
        "timeout",
        "disk_limit",
        "paused",
        "cancelled",
        "interrupted",
      ]),
      atMs: Milliseconds,
    })
    .optional(),
  pausedAtMs: Milliseconds.optional(),
});
export type AttemptRecord = z.infer<typeof AttemptRecord>;

export function recordOf(context: AttemptContext): AttemptRecord {
  const { claimedAtMs, startRequested, imageId, agentStartedAtMs, stop, pausedAtMs } = context;
  return {
    v: 1,
    claimedAtMs,
    startRequested,
    ...(imageId === undefined ? {} : { imageId }),
    ...(agentStartedAtMs === undefined ? {} : { agentStartedAtMs }),
    ...(stop === undefined ? {} : { stop }),
    ...(pausedAtMs === undefined ? {} : { pausedAtMs }),
  };
}

/** What a record means for the attempt that is taken up again. */
export function remembered(
  record: AttemptRecord,
): Pick<AttemptInput, "claimedAtMs" | "agentStartedAtMs" | "imageId" | "stop" | "pausedAtMs"> {
  const { claimedAtMs, imageId, agentStartedAtMs, stop, pausedAtMs } = record;
  return {
    claimedAtMs,
    ...(imageId === undefined ? {} : { imageId }),
    ...(agentStartedAtMs === undefined ? {} : { agentStartedAtMs }),
    ...(stop === undefined ? {} : { stop }),
    ...(pausedAtMs === undefined ? {} : { pausedAtMs }),
  };
}
