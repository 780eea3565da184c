import { nuid } from "@nats-io/transport-node";
import { streams } from "@pitaya/protocol";
import type { OutputLog } from "../bus.port.ts";
import { findLast } from "./find-last.ts";
import type { Link } from "./link.ts";
import { publish } from "./publish.ts";
import { followStream, readStream } from "./reading.ts";
import { withoutTransport } from "./stored-message.ts";

const STREAM = streams.output.name;

/** One message of a subject is under way at a time: a repeated one would otherwise overtake. */
export function natsOutput(link: Link): OutputLog {
  const tails = new Map<string, Promise<unknown>>();
  return {
    publish(subject, payload, headers) {
      const message = { subject, payload, headers, id: nuid.next() };
      const before = tails.get(subject) ?? Promise.resolve();
      const mine = before.then(() => publish(link, message, { doing: "store output" }));
      const tail = mine
        .catch(() => undefined)
        .then(() => {
          if (tails.get(subject) === tail) tails.delete(subject);
        });
      tails.set(subject, tail);
      return mine.then(() => undefined);
    },
    async last(subject) {
      const found = await findLast(link, STREAM, subject);
      return found === undefined ? undefined : withoutTransport(found);
    },
    read: (filters, fromSequence) => readStream(link, STREAM, filters, fromSequence),
    follow: (filters, options) => followStream(link, STREAM, filters, options),
  };
}
