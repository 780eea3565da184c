import { runnerConsumers } from "@pitaya/protocol";
import type { CommandQueue, Delivery } from "../bus.port.ts";
import { QUEUE_ACK_WAIT_MS } from "../queue-settings.ts";
import type { Clock } from "./clock.ts";
import { storedSequence } from "./memory-events.ts";
import { copyOf, type Kept, type MemoryStream } from "./memory-stream.ts";

interface Open {
  deliveries: number;
  /** It may be delivered from then on. */
  dueAt: number;
}

/** What the server keeps of the durable consumers; shared by all connections. */
export interface QueueState {
  readonly durables: Map<string, Map<number, Open>>;
  readonly listeners: Set<() => void>;
}

export const queueState = (): QueueState => ({ durables: new Map(), listeners: new Set() });

/** Work-queue semantics as the server has them, late acknowledgements that count included. */
export function memoryQueue(
  stream: MemoryStream,
  state: QueueState,
  clock: Clock,
  closed: AbortSignal,
): CommandQueue {
  const wake = () => {
    for (const call of [...state.listeners]) call();
  };

  const dueAgain = (open: Open, afterMs: number) => {
    open.dueAt = clock.now() + afterMs;
    clock.after(afterMs, wake);
  };

  const deliver = (message: Kept, open: Open): Delivery => {
    open.deliveries += 1;
    dueAgain(open, QUEUE_ACK_WAIT_MS);
    return {
      subject: message.subject,
      sequence: message.sequence,
      payload: copyOf(message.payload),
      deliveries: open.deliveries,
      ack: async () => stream.remove(message.sequence),
      nak: async (delayMs) => dueAgain(open, delayMs),
    };
  };

  const take = (durable: Map<number, Open>, filter: string): Delivery | undefined => {
    for (
      let message = stream.next([filter], 1);
      message !== undefined;
      message = stream.next([filter], message.sequence + 1)
    ) {
      const open = durable.get(message.sequence) ?? { deliveries: 0, dueAt: 0 };
      durable.set(message.sequence, open);
      if (open.dueAt <= clock.now()) return deliver(message, open);
    }
    return undefined;
  };

  return {
    async ensureQueues(runner) {
      const { start, control } = runnerConsumers(runner);
      for (const { name } of [start, control]) {
        if (!state.durables.has(name)) state.durables.set(name, new Map());
      }
      wake();
    },
    async publish(subject, { id, payload }) {
      const sequence = storedSequence(stream.append(subject, payload, { id }), "commands");
      wake();
      return sequence;
    },
    async next(runner, queue, signal) {
      const { name, filter } = runnerConsumers(runner)[queue];
      const ended = AbortSignal.any([signal, closed]);
      while (!ended.aborted) {
        const durable = state.durables.get(name);
        const delivery = durable === undefined ? undefined : take(durable, filter);
        if (delivery !== undefined) return delivery;
        await woken(state.listeners, ended);
      }
      return undefined;
    },
  };
}

function woken(listeners: Set<() => void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      listeners.delete(done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    listeners.add(done);
    signal.addEventListener("abort", done);
  });
}
