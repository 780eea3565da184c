import { type Bus, natsBus, provision } from "@pitaya/bus";
import { busContract } from "@pitaya/bus/contract";
import { startNats } from "../../support/nats.ts";

const ACK_WAIT_MS = 1_000;

busContract("bus over NATS", async () => {
  const nats = await startNats();
  await provision({ servers: nats.url, name: "admin", maxStoreBytes: 512 * 1024 ** 2 });
  const connections: Bus[] = [];
  return {
    async connect(id) {
      const bus = await natsBus({ servers: nats.url, name: id, queueAckWaitMs: ACK_WAIT_MS });
      connections.push(bus);
      return bus;
    },
    ackWaitMs: ACK_WAIT_MS,
    pass: async () => {},
    async stop() {
      await Promise.all(connections.map((bus) => bus.close()));
      await nats.stop();
    },
  };
});
