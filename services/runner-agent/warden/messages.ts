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
    /** The engine, as the runner-agent is told of it. */
    engine: z.string().optional(),
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
  /** The lease was renewed: until then containers may run. Epoch milliseconds. */
  z.object({ type: z.literal("held"), untilMs: z.number() }),
  /** These were paused, or found so; with how long they may have run beyond the lease. */
  z.object({
    type: z.literal("paused"),
    attempts: z.array(
      z.object({ runId: z.string(), instanceId: z.string(), attempt: z.int().positive() }),
    ),
    overranMs: z.int().positive().optional(),
  }),
  z.object({ type: z.literal("superseded") }),
  /** Something could not be done, or the lease was not renewed since the main loop stands still. */
  z.object({ type: z.literal("trouble"), message: z.string() }),
  z.object({ type: z.literal("ended") }),
]);
export type FromWarden = z.infer<typeof FromWarden>;
