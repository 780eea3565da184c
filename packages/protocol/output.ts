import { z } from "zod";
import { Usage } from "./usage.ts";

/** Most bytes of agent output in one message. */
export const OUTPUT_MESSAGE_BYTES = 256 * 1024;

/** Headers of a message on `subjects.output`. Bodies are raw bytes, or JSON for `records`. */
export const outputHeaders = {
  kind: "Pitaya-Kind",
  stream: "Pitaya-Stream",
  /** Position in the agent's stream of the first byte this message stands for. */
  offset: "Pitaya-Offset",
  /** Positions read up to in both streams when this was published: where adoption goes on. */
  nextStdout: "Pitaya-Next-Stdout",
  nextStderr: "Pitaya-Next-Stderr",
  beginsLine: "Pitaya-Begins-Line",
  endsLine: "Pitaya-Ends-Line",
} as const;

/** Redacted bytes of one stream. Redaction may change their number; offsets count the agent's own. */
export const OutputBytes = z.object({
  kind: z.literal("bytes"),
  stream: z.enum(["stdout", "stderr"]),
  offset: z.int().nonnegative(),
  nextStdout: z.int().nonnegative(),
  nextStderr: z.int().nonnegative(),
  beginsLine: z.boolean(),
  endsLine: z.boolean(),
});
export type OutputBytes = z.infer<typeof OutputBytes>;

/** What the runner's plugin read from the bytes: steps, live usage. Redacted. */
export const StepRecord = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("session"),
    sessionId: z.string().max(200),
    model: z.string().max(200).optional(),
  }),
  z.object({ type: z.literal("message"), text: z.string().max(8_000) }),
  z.object({
    type: z.literal("tool_call"),
    id: z.string().max(200),
    tool: z.string().max(200),
    summary: z.string().max(8_000),
  }),
  z.object({
    type: z.literal("tool_result"),
    id: z.string().max(200),
    ok: z.boolean(),
    summary: z.string().max(8_000),
  }),
  z.object({ type: z.literal("usage"), usage: Usage }),
  z.object({
    type: z.literal("retry"),
    attempt: z.int().nonnegative(),
    delayMs: z.number().nonnegative(),
    reason: z.string().max(1_000),
  }),
  z.object({ type: z.literal("final") }),
  z.object({
    type: z.literal("unreadable"),
    line: z.int().positive(),
    excerpt: z.string().max(400),
    reason: z.string().max(400),
  }),
]);
export type StepRecord = z.infer<typeof StepRecord>;

export const OutputRecords = z.object({ v: z.literal(1), records: z.array(StepRecord).min(1) });
export type OutputRecords = z.infer<typeof OutputRecords>;
