import type { MemoryBroker } from "@pitaya/bus/testing";
import type { Connection, StackGone } from "../connect/connection.port.ts";

export interface MemoryConnection extends Connection {
  /** The embedded stack ends. */
  end(gone: StackGone): void;
  /** The store is now behind another address. */
  move(broker: MemoryBroker): void;
  readonly slots: number | undefined;
}

/** A store in memory, as the command sees it. */
export function memoryConnection(broker: MemoryBroker, client = "client-1"): MemoryConnection {
  const gone = Promise.withResolvers<StackGone>();
  let bus = broker.connect(client);
  let moved = new AbortController();
  let slots: number | undefined;
  return {
    get bus() {
      return bus;
    },
    get moved() {
      return moved.signal;
    },
    settled: async () => {},
    client,
    store: "memory",
    gone: gone.promise,
    submitted: async () => {},
    async raiseSlots(_run, atLeast) {
      slots = atLeast;
    },
    get slots() {
      return slots;
    },
    end: (how) => gone.resolve(how),
    move(next) {
      const before = moved;
      bus = next.connect(client);
      moved = new AbortController();
      before.abort();
    },
    close: () => bus.close(),
  };
}
