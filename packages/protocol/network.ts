import { z } from "zod";

/** What a container reaches: anything outside of its host, nothing, or only what its runner's gateway lets pass. */
export const Network = z.enum(["online", "offline", "proxy"]);
export type Network = z.infer<typeof Network>;

/**
 * Hosts that the gateway lets pass beside the provider: `host`, `host:port`, `[address]:port`, and
 * `*.host` for all names below it. Without a port: 443 and 80.
 */
export const NetworkAllow = z
  .array(
    z
      .string()
      .max(300)
      .regex(/^(\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?)(:[1-9]\d{0,4})?$/i),
  )
  .max(256);
