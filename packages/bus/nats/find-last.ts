import { DirectMsgImpl } from "@nats-io/jetstream/internal";
import { Interrupted } from "./failures.ts";
import { type Link, untilAnswered } from "./link.ts";
import { type FoundMessage, fromDirect } from "./stored-message.ts";

/** How long a replica may stay behind what is known to be stored. */
const BEHIND_MS = 10_000;

/**
 * Last message of a subject, by the direct get that permissions can be written for. Any replica
 * answers, so it is asked again until what it says is as new as `atLeast`.
 *
 * @throws `bus_unavailable`
 */
export function findLast(
  link: Link,
  stream: string,
  subject: string,
  options: { readonly atLeast?: number; readonly signal?: AbortSignal } = {},
): Promise<FoundMessage | undefined> {
  const { atLeast = 0, signal } = options;
  const patience = {
    doing: `read ${subject}`,
    forMs: BEHIND_MS,
    ...(signal === undefined ? {} : { signal }),
  };
  return untilAnswered(link, patience, async () => {
    const message = await link.jsm.direct.getMessage(stream, { last_by_subj: subject });
    const sequence = message?.seq ?? 0;
    if (sequence < atLeast) throw new Interrupted(`message ${atLeast} does not show yet`);
    return message instanceof DirectMsgImpl ? fromDirect(message) : undefined;
  });
}
