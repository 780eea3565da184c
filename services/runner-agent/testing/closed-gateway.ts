import pino from "pino";
import { type Gateway, gateway } from "../gateway/gateway.ts";

/** The gateway of a runner whose agents do not use it. */
export const closedGateway = (): Gateway =>
  gateway({
    env: {},
    log: pino({ level: "silent" }),
    surroundings: () => ({ ownHosts: new Set(), bus: [], opens: () => false }),
  });
