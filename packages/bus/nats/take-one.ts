import { createInbox, type Msg, nanos } from "@nats-io/transport-node";
import type { Link } from "./link.ts";

const HEARTBEAT_MS = 1_000;
const EXPIRES_MS = 4_000;
/** Two heartbeats and a half. */
const SILENCE_MS = 2_500;
const LOOK_EVERY_MS = 500;

/** Why there is no message. */
export type NotTaken =
  /** None came in the time of one request, or `signal` aborted. */
  | "spent"
  /** There is no such consumer, or the server is going away. */
  | "gone"
  /** No heartbeat, or the connection changed. */
  | "silent"
  | "denied";

/**
 * Asks a pull consumer for one message. A request cannot be called back, so its inbox stays open
 * until the server has certainly forgotten it.
 *
 * @param tooLate gets a message that came when nobody waited for it any more
 */
export function takeOne(
  link: Link,
  stream: string,
  consumer: string,
  signal: AbortSignal,
  tooLate: (message: Msg) => void,
): Promise<Msg | NotTaken> {
  const inbox = createInbox(link.inboxPrefix);
  const subject = `${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  if (signal.aborted) return Promise.resolve("spent");
  return new Promise((resolve) => {
    let waited = true;
    let heardAt = performance.now();

    const subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => {
        heardAt = performance.now();
        if (error !== null) return answered("denied");
        if (message.headers?.code === 100) return;
        if (isStatus(message)) answered(reasonOf(message));
        else if (waited) answered(message);
        else {
          subscription.unsubscribe();
          tooLate(message);
        }
      },
    });
    const leave = (result: Msg | NotTaken) => {
      waited = false;
      clearInterval(watch);
      offDenied();
      offStatus();
      signal.removeEventListener("abort", giveUp);
      resolve(result);
    };
    /** The request is over. */
    const answered = (result: Msg | NotTaken) => {
      subscription.unsubscribe();
      leave(result);
    };
    /** The request may still be answered. */
    const leaveOpen = (result: NotTaken) => {
      setTimeout(() => subscription.unsubscribe(), EXPIRES_MS).unref();
      leave(result);
    };
    const giveUp = () => leaveOpen("spent");
    const offDenied = link.onDenied((denied) => {
      if (denied === subject || denied === inbox) answered("denied");
    });
    const offStatus = link.onStatus(() => leaveOpen("silent"));
    const watch = setInterval(() => {
      if (performance.now() - heardAt > SILENCE_MS) leaveOpen("silent");
    }, LOOK_EVERY_MS);
    signal.addEventListener("abort", giveUp);

    const wish = { batch: 1, expires: nanos(EXPIRES_MS), idle_heartbeat: nanos(HEARTBEAT_MS) };
    link.nc.publish(subject, JSON.stringify(wish), { reply: inbox });
  });
}

/** Statuses are empty messages with a code in the header's first line. */
const isStatus = (message: Msg) =>
  message.data.byteLength === 0 && (message.headers?.code ?? 0) > 0;

/** 404: nothing there; 408: the time is over. */
const reasonOf = (message: Msg): NotTaken =>
  message.headers?.code === 404 || message.headers?.code === 408 ? "spent" : "gone";
