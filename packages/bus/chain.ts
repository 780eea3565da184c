import { PitayaError } from "@pitaya/protocol";
import type { AppendResult, EventLog } from "./bus.port.ts";

/** The writer's end of one subject's chain. */
export interface Chain {
  readonly subject: string;
  /** Stream sequence of its last message known here; 0 if it has none. */
  readonly lastSequence: number;
  /** Somebody else wrote to the subject: nothing more can be appended here. */
  readonly broken: boolean;
  /**
   * Appends after everything appended before, one at a time in the order of the calls.
   *
   * @returns `conflict` when another wrote first; from then on every call does
   * @throws as {@link EventLog.append}; what follows in the chain then waits for nothing and is
   *   refused too, for whether this one was stored is not known
   */
  append(
    message: { readonly id: string; readonly payload: Uint8Array },
    signal?: AbortSignal,
  ): Promise<AppendResult>;
}

/**
 * @param lastSequence of the last message of the subject that has been folded, 0 for none. A
 *   conflict is for good: whoever holds the chain stops, and never reads itself back into it.
 */
export function openChain(
  events: Pick<EventLog, "append">,
  subject: string,
  lastSequence: number,
): Chain {
  let last = lastSequence;
  let state: "open" | "broken" | "uncertain" = "open";
  let tail: Promise<unknown> = Promise.resolve();

  async function appendNow(
    message: { readonly id: string; readonly payload: Uint8Array },
    signal: AbortSignal | undefined,
  ): Promise<AppendResult> {
    if (state === "broken") return { status: "conflict" };
    if (state === "uncertain") throw uncertain(subject);
    try {
      const result = await events.append(subject, { ...message, expectedLast: last }, signal);
      if (result.status === "stored") last = result.sequence;
      else state = "broken";
      return result;
    } catch (error) {
      state = "uncertain";
      throw error;
    }
  }

  return {
    subject,
    get lastSequence() {
      return last;
    },
    get broken() {
      return state === "broken";
    },
    append(message, signal) {
      const mine = tail.then(() => appendNow(message, signal));
      tail = mine.catch(() => undefined);
      return mine;
    },
  };
}

const uncertain = (subject: string) =>
  new PitayaError(
    "bus_unavailable",
    `Nothing more can be appended to ${subject} here: whether its last message was stored is not known.`,
  );
