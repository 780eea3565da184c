import { createInbox, type Msg, nanos, type Subscription } from "@nats-io/transport-node";
import type { Link } from "./link.ts";

const HEARTBEAT_MS = 1_000;
const EXPIRES_MS = 4_000;
/** Two heartbeats and a half. */
const SILENCE_MS = 2_500;
const LOOK_EVERY_MS = 500;

/** Why a request for messages is over. */
export type PullEnd =
  /** Filled, or its time is over: ask again. */
  | "spent"
  /** There is no such consumer, or the server is going away. */
  | "gone"
  /** No heartbeat, or the connection changed. What was under way may be lost. */
  | "silent"
  | "denied";

export interface PullEvents {
  message(message: Msg): void;
  end(why: PullEnd): void;
}

/** Requests messages of a pull consumer, one request at a time. */
export interface Pull {
  request(messages: number): void;
  close(): void;
}

/** @param consumer its name on the stream */
export function openPull(link: Link, stream: string, consumer: string, on: PullEvents): Pull {
  const inbox = createInbox(link.inboxPrefix);
  const subject = `${link.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`;
  let open: { wanted: number; heardAt: number } | undefined;

  const end = (why: PullEnd) => {
    if (open === undefined) return;
    open = undefined;
    on.end(why);
  };

  const subscription: Subscription = link.nc.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null) return end("denied");
      if (open !== undefined) open.heardAt = performance.now();
      if (isStatus(message)) {
        if (message.headers?.code !== 100) end(endOf(message));
        return;
      }
      on.message(message);
      if (open === undefined) return;
      open.wanted -= 1;
      if (open.wanted === 0) end("spent");
    },
  });
  const offDenied = link.onDenied((denied) => {
    if (denied === subject || denied === inbox) end("denied");
  });
  const offStatus = link.onStatus(() => end("silent"));
  const watch = setInterval(() => {
    if (open !== undefined && performance.now() - open.heardAt > SILENCE_MS) end("silent");
  }, LOOK_EVERY_MS);

  return {
    request(messages) {
      open = { wanted: messages, heardAt: performance.now() };
      const wish = {
        batch: messages,
        expires: nanos(EXPIRES_MS),
        idle_heartbeat: nanos(HEARTBEAT_MS),
      };
      link.nc.publish(subject, JSON.stringify(wish), { reply: inbox });
    },
    close() {
      open = undefined;
      clearInterval(watch);
      offDenied();
      offStatus();
      subscription.unsubscribe();
    },
  };
}

/** Statuses are empty messages with a code in the header's first line. */
const isStatus = (message: Msg) =>
  message.data.byteLength === 0 && (message.headers?.code ?? 0) > 0;

function endOf(message: Msg): PullEnd {
  const code = message.headers?.code;
  const text = message.headers?.description.toLowerCase() ?? "";
  // 404: nothing there; 408: expired; 409: the next message exceeds the bytes asked for, or worse.
  if (code === 404 || code === 408) return "spent";
  if (code === 409 && (text.includes("maxbytes") || text.includes("batch completed"))) {
    return "spent";
  }
  return "gone";
}
