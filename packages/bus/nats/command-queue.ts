import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { type Msg, nanos } from "@nats-io/transport-node";
import { PitayaError, runnerConsumers, streams } from "@pitaya/protocol";
import type { CommandQueue, Delivery } from "../bus.port.ts";
import { QUEUE_MAX_OPEN } from "../queue-settings.ts";
import type { Link } from "./link.ts";
import { pause, REQUEST_TIMEOUT_MS, untilAnswered } from "./patience.ts";
import { publish } from "./publish.ts";
import { openPull } from "./pull.ts";
import { type DeliveryInfo, deliveryInfo } from "./stored-message.ts";

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
        const taken = await takeOne(link, name, ended);
        if (typeof taken !== "string") return taken;
        if (taken === "denied") {
          throw new PitayaError("permission_denied", `The NATS server refused the queue ${name}.`);
        }
        if (taken !== "spent") await pause(ABSENT_PAUSE_MS, ended);
      }
      return undefined;
    },
  };
}

/** Asks for one message, until it comes, the request's time is over, or `signal` aborts. */
function takeOne(
  link: Link,
  consumer: string,
  signal: AbortSignal,
): Promise<Delivery | "spent" | "gone" | "silent" | "denied"> {
  return new Promise((resolve) => {
    let wanted = true;
    const settle = (result: Delivery | "spent" | "gone" | "silent" | "denied") => {
      wanted = false;
      signal.removeEventListener("abort", giveUp);
      resolve(result);
    };
    const pull = openPull(link, STREAM, consumer, {
      message(message) {
        pull.close();
        const info = message.reply === undefined ? undefined : deliveryInfo(message.reply);
        if (info === undefined) return settle("spent");
        const delivery = deliveryOf(link, message, info);
        if (wanted) settle(delivery);
        // It came after the caller had gone: back to the queue at once, not after the ack wait.
        else if (!link.closed.aborted) delivery.nak(0).catch(() => undefined);
      },
      end(why) {
        pull.close();
        if (wanted) settle(why);
      },
    });
    // The request cannot be called back, so its inbox stays open until the request is over.
    const giveUp = () => {
      if (link.closed.aborted) pull.close();
      settle("spent");
    };
    signal.addEventListener("abort", giveUp);
    pull.request(1);
  });
}

function deliveryOf(link: Link, message: Msg, info: DeliveryInfo): Delivery {
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
      void (await answer(`-NAK ${JSON.stringify({ delay: nanos(delayMs) })}`)),
  };
}
