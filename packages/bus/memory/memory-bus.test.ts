import { setImmediate } from "node:timers/promises";
import { busContract } from "../contract/bus.contract.ts";
import { QUEUE_ACK_WAIT_MS } from "../queue-settings.ts";
import { virtualClock } from "./clock.ts";
import { memoryBroker } from "./memory-broker.ts";

busContract("memory bus", async () => {
  const clock = virtualClock();
  const broker = memoryBroker({ clock });
  return {
    connect: async (id) => broker.connect(id),
    ackWaitMs: QUEUE_ACK_WAIT_MS,
    async pass(ms) {
      // Whoever is about to wait does so before time moves.
      await setImmediate();
      clock.advance(ms);
      await setImmediate();
    },
    stop: async () => {},
  };
});
