import { RunnerLiveness } from "@pitaya/protocol";
import { z } from "zod";

/** From the runner-agent to its warden, over the channel between parent and child. Holds a secret: the seed. */
export const ToWarden = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("begin"),
    servers: z.array(z.string()),
    user: z.object({ id: z.string(), seed: z.string() }).optional(),
    tls: z
      .object({
        caFile: z.string().optional(),
        certFile: z.string().optional(),
        keyFile: z.string().optional(),
      })
      .optional(),
    runner: z.string(),
    leaseMs: z.int().positive(),
    /** The first warden of an incarnation takes the lease over; one after it only goes on with it. */
    takeOver: z.boolean(),
  }),
  /** The runner-agent's main loop went round. */
  z.object({ type: z.literal("tick"), liveness: RunnerLiveness }),
  z.object({ type: z.literal("end"), release: z.boolean() }),
]);
export type ToWarden = z.infer<typeof ToWarden>;

export const FromWarden = z.discriminatedUnion("type", [
  /** The lease is held, for the first time. */
  z.object({ type: z.literal("held") }),
  z.object({ type: z.literal("superseded") }),
  /** The lease could not be renewed, or was not since the main loop stands still. */
  z.object({ type: z.literal("trouble"), message: z.string() }),
  z.object({ type: z.literal("ended") }),
]);
export type FromWarden = z.infer<typeof FromWarden>;
