import { TimeoutError } from "@nats-io/transport-node";
import { PitayaError } from "@pitaya/protocol";
import type { Requests } from "../bus.port.ts";
import { busError, isNoResponders, isPassing } from "./failures.ts";
import type { Link } from "./link.ts";
import { pause, untilInterrupted } from "./patience.ts";

const ASK_AGAIN_MS = 100;

/** Replies go to inboxes only: a request must not choose a subject that its sender may not write. */
const INBOX = /^_(INBOX_[a-z0-9-]+|R_)\./;

export function natsRequests(link: Link): Requests {
  return {
    async ask(subject, payload, timeoutMs) {
      const deadline = performance.now() + timeoutMs;
      let failure: unknown = new TimeoutError();
      let nobodyThere: unknown;
      for (let left = timeoutMs; left > 0; left = deadline - performance.now()) {
        try {
          const asking = link.nc.request(subject, payload, { timeout: Math.ceil(left) });
          return (await untilInterrupted(link, asking)).data;
        } catch (error) {
          failure = error;
          if (isNoResponders(error)) nobodyThere = error;
          if (link.closed.aborted || !isPassing(error)) throw busError(error, `ask ${subject}`);
          await pause(
            Math.min(ASK_AGAIN_MS, Math.max(0, deadline - performance.now())),
            link.closed,
          );
        }
      }
      // The last try may have been too short to learn even that.
      if (nobodyThere !== undefined) throw nobody(subject, nobodyThere);
      throw noAnswer(subject, timeoutMs, failure);
    },

    serve(subjects, answer) {
      const subscriptions = subjects.map((subject) =>
        link.nc.subscribe(subject, {
          callback: (error, message) => {
            if (error !== null) {
              link.log("warn", "requests cannot be answered", { subject, error });
              return;
            }
            if (!INBOX.test(message.reply ?? "")) return;
            answer(message.subject, message.data).then(
              (payload) => void message.respond(payload),
              (failure) =>
                link.log("warn", "a request was not answered", {
                  subject: message.subject,
                  error: failure,
                }),
            );
          },
        }),
      );
      return async () => {
        const drained = Promise.all(subscriptions.map((subscription) => subscription.drain()));
        // Without a connection there is nobody to take the subscriptions away from.
        await untilInterrupted(link, drained).catch(() => undefined);
      };
    },
  };
}

const nobody = (subject: string, cause: unknown) =>
  new PitayaError("no_coordinator", `Nobody answers ${subject}.`, {
    cause,
    hint: "Start a coordinator, or look why it stopped: `pitaya status`.",
  });

const noAnswer = (subject: string, timeoutMs: number, cause: unknown) =>
  new PitayaError("bus_unavailable", `No answer to ${subject} within ${timeoutMs} ms.`, { cause });
