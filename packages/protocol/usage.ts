import { z } from "zod";

/** What an attempt consumed. An unknown cost is absent, never 0. */
export const Usage = z.object({
  inputTokens: z.int().nonnegative(),
  outputTokens: z.int().nonnegative(),
  cacheReadTokens: z.int().nonnegative(),
  cacheWriteTokens: z.int().nonnegative(),
});
export type Usage = z.infer<typeof Usage>;

/** Spend and effort of one attempt, in the fact that ends it, whether it succeeded or not. */
export const AttemptAccount = z.object({
  usage: Usage.optional(),
  costUsd: z.number().nonnegative().optional(),
  turns: z.int().nonnegative().optional(),
  /** From the agent's start to its end; 0 if it never started. */
  agentMs: z.int().nonnegative(),
  sessionId: z.string().max(200).optional(),
});
export type AttemptAccount = z.infer<typeof AttemptAccount>;
