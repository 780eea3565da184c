import { z } from "zod";
import { ProcessId, Timestamp } from "./ids.ts";

/** Something of Pitaya's outside the log that nothing live, kept or pinned refers to. */
export const Ownerless = z.object({
  kind: z.enum([
    "container",
    "volume",
    "network",
    "directory",
    "pack",
    "checkout",
    "blob",
    "upload",
    "pin",
    "consumer",
    "command",
    "key",
  ]),
  name: z.string().max(300),
  bytes: z.int().nonnegative().optional(),
  /** Why nobody owns it. */
  reason: z.string().max(300),
});
export type Ownerless = z.infer<typeof Ownerless>;

/** Longest list of what nobody owns that is told at once. */
export const MAX_OWNERLESS = 1_000;

const found = z.array(Ownerless).max(MAX_OWNERLESS);

/** KV `PITAYA_RUNNERS`, key `<runner>.inventory`: answer to a `clean` command. */
export const RunnerInventory = z.object({
  v: z.literal(1),
  runner: ProcessId,
  request: z.string().regex(/^[0-9a-f]{16}$/),
  at: Timestamp,
  /** The first of them, where there are more. */
  ownerless: found,
  count: z.int().nonnegative(),
  /** How many were removed. */
  removed: z.int().nonnegative(),
});
export type RunnerInventory = z.infer<typeof RunnerInventory>;

/** What was found in the store and on the runners. */
export const GcReport = z.object({
  places: z.array(
    z.object({
      /** A runner's id; absent for the store. */
      runner: ProcessId.optional(),
      ownerless: found,
      count: z.int().nonnegative(),
      removed: z.int().nonnegative(),
    }),
  ),
  /** Runners that did not answer; what they hold is not known. */
  silent: z.array(ProcessId),
});
export type GcReport = z.infer<typeof GcReport>;
