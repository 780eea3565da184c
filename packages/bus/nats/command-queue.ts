import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { type Msg, nanos } from "@nats-io/transport-node";
import { PitayaError, runnerConsumers, streams } from "@pitaya/protocol";
import type { CommandQueue, Delivery } from "../bus.port.ts";
import { QUEUE_MAX_OPEN } from "../queue-settings.ts";
import type { Link } from "./link.ts";
import { pause, REQUEST_TIMEOUT_MS, untilAnswered, whenConnected } from "./patience.ts";
import { publish } from "./publish.ts";
import { deliveryInfo } from "./stored-message.ts";
import { takeOne } from "./take-one.ts";

const STREAM = streams.commands.name;
/** How often a queue that does not exist yet is asked for. */
const ABSENT_PAUSE_MS = 200;

/** @param ackWaitMs after which an order that was not acknowledged is delivered again */
export function natsCommands(link: Link, ackWaitMs: number): CommandQueue {
  return {
    async ensureQueues(runner) {
      const { start, control } = runnerConsumers(runner);
      for (const { name, filter } of [start, control]) {
        await untilAnswered(link, { doing: `make the queue ${name}` }, () =>
          link.jsm.consumers.add(STREAM, {
            durable_name: name,
            filter_subject: filter,
            ack_policy: AckPolicy.Explicit,
            deliver_policy: DeliverPolicy.All,
            ack_wait: nanos(ackWaitMs),
            max_deliver: -1,
            max_ack_pending: QUEUE_MAX_OPEN,
          }),
        );
      }
    },

    async publish(subject, { id, payload }) {
      const answer = await publish(link, { subject, payload, id }, { doing: "store a command" });
      return answer.status === "stored" ? answer.sequence : 0;
    },

    async next(runner, queue, signal) {
      const { name } = runnerConsumers(runner)[queue];
      const ended = AbortSignal.any([signal, link.closed]);
      while (!ended.aborted) {
        // Requests made without a connection would all reach the server with the next one.
        await whenConnected(link, ended);
        const taken = await takeOne(link, STREAM, name, ended, (message) => {
          // Back to the queue at once, not after the ack wait.
          deliveryOf(link, message)
            ?.nak(0)
            .catch(() => undefined);
        });
        const delivery = typeof taken === "string" ? undefined : deliveryOf(link, taken);
        if (delivery !== undefined) return delivery;
        if (taken === "denied") {
          throw new PitayaError("permission_denied", `The NATS server refused the queue ${name}.`);
        }
        if (taken !== "spent") await pause(ABSENT_PAUSE_MS, ended);
      }
      return undefined;
    },
  };
}

function deliveryOf(link: Link, message: Msg): Delivery | undefined {
  const info = deliveryInfo(message.reply ?? "");
  if (info === undefined) return undefined;
  const answer = (word: string) =>
    untilAnswered(link, { doing: "acknowledge a command", forMs: 3 * REQUEST_TIMEOUT_MS }, () =>
      link.nc.request(message.reply ?? "", word, { timeout: REQUEST_TIMEOUT_MS }),
    );
  return {
    subject: message.subject,
    sequence: info.sequence,
    payload: message.data,
    deliveries: info.deliveries,
    ack: async () => void (await answer("+ACK")),
    nak: async (delayMs) =>
      void (await answer(delayMs > 0 ? `-NAK {"delay":${nanos(delayMs)}}` : "-NAK")),
  };
}
