import { createInbox, type Msg } from "@nats-io/transport-node";
import { PitayaError } from "@pitaya/protocol";
import { busError, Interrupted } from "./failures.ts";
import type { Link } from "./link.ts";
import { REQUEST_TIMEOUT_MS } from "./patience.ts";
import { type FoundMessage, fromDirect } from "./stored-message.ts";

const BATCH_MESSAGES = 1_000;
const BATCH_BYTES = 4 * 1024 * 1024;

export interface Batch {
  readonly messages: readonly FoundMessage[];
  /** There is nothing behind them at the moment. */
  readonly end: boolean;
}

/**
 * Messages under one filter from a sequence on. Direct gets rather than a consumer: they leave
 * nothing on the server, so a restart can lose nothing, and a role that only reads needs no
 * permission to create anything.
 *
 * @throws {Interrupted} when the answer did not come whole
 */
export function getBatch(link: Link, stream: string, filter: string, from: number): Promise<Batch> {
  const subject = `${link.apiPrefix}.DIRECT.GET.${stream}`;
  const inbox = createInbox(link.inboxPrefix);
  return new Promise((resolve, reject) => {
    const messages: FoundMessage[] = [];
    let heardAt = performance.now();

    const settle = (act: () => void) => {
      clearInterval(watch);
      offStatus();
      offDenied();
      subscription.unsubscribe();
      act();
    };
    const interrupted = (why: string) => settle(() => reject(new Interrupted(why)));

    const take = (message: Msg) => {
      heardAt = performance.now();
      const code = message.headers?.code ?? 0;
      if (code === 404) return settle(() => resolve({ messages, end: true }));
      if (code === 204) {
        const pending = Number(message.headers?.get("Nats-Num-Pending"));
        return settle(() => resolve({ messages, end: pending === 0 }));
      }
      if (code !== 0) return interrupted(`the server said ${code} ${message.headers?.description}`);
      const found = fromDirect(message);
      const before = messages.at(-1)?.sequence;
      // Every message of a batch but the first names the one before it.
      if (before !== undefined && Number(found.transport.get("Nats-Last-Sequence")) !== before) {
        return interrupted("a message was missed");
      }
      messages.push(found);
    };

    const subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error === null) take(message);
        else settle(() => reject(busError(error, `read ${stream}`)));
      },
    });
    const offStatus = link.onStatus(() => interrupted("the connection to the server was lost"));
    const offDenied = link.onDenied((denied) => {
      if (denied === subject) settle(() => reject(readingDenied(stream)));
    });
    const watch = setInterval(() => {
      if (performance.now() - heardAt > REQUEST_TIMEOUT_MS) interrupted("the server is silent");
    }, REQUEST_TIMEOUT_MS / 4);

    const wish = { seq: from, next_by_subj: filter, batch: BATCH_MESSAGES, max_bytes: BATCH_BYTES };
    link.nc.publish(subject, JSON.stringify(wish), { reply: inbox });
  });
}

export const readingDenied = (stream: string) =>
  new PitayaError("permission_denied", `The NATS server refused to read ${stream}.`, {
    hint: "The credential in use belongs to a role that may not do this.",
  });
