import { z } from "zod";

/** What one attempt may use. Enforced on the runner, by the engine and by timers. */
export const TaskLimits = z.object({
  /** CPU cores; 0.5 is half a core. */
  cpus: z.number().positive(),
  memoryBytes: z.int().positive(),
  pids: z.int().positive(),
  /** Written to workspace and home. */
  diskBytes: z.int().positive(),
  /** From claim to the agent's start. */
  startTimeoutMs: z.int().positive(),
  /** Without output while the process idles. */
  stallTimeoutMs: z.int().positive(),
  /** Of the agent, from its start. */
  timeoutMs: z.int().positive(),
  /** Between two snapshots of what the agent has done so far. */
  snapshotIntervalMs: z.int().positive().optional(),
});
export type TaskLimits = z.infer<typeof TaskLimits>;

/** Where a task says nothing else. */
export const DEFAULT_SNAPSHOT_INTERVAL_MS = 300_000;

export const DEFAULT_LIMITS: TaskLimits = {
  cpus: 2,
  memoryBytes: 4 * 1024 ** 3,
  pids: 512,
  diskBytes: 10 * 1024 ** 3,
  startTimeoutMs: 300_000,
  stallTimeoutMs: 900_000,
  timeoutMs: 3_600_000,
};
