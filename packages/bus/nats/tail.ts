import { signOf } from "@pitaya/protocol";
import type { CaughtUp } from "../bus.port.ts";
import { type Batch, readingDenied } from "./batch-get.ts";
import { Interrupted, isDenied } from "./failures.ts";
import type { Link } from "./link.ts";
import { untilInterrupted } from "./patience.ts";
import type { FoundMessage } from "./stored-message.ts";

/** A stream, or part of one, as it is read. */
export interface Source {
  /** Name of the stream. */
  readonly stream: string;
  /** What of it is read. */
  readonly filter: string;
  /** How long from now it is looked for something new without any sign. */
  lookAgainMs(): number;
  next(from: number): Promise<Batch>;
}

/** A replica may be behind the one that gave the sign. */
const PAUSES_AFTER_SIGN_MS: readonly number[] = [0, 1, 2, 4, 8, 16, 32];

/**
 * Messages from a sequence on, as they come, with back-pressure; `CaughtUp` whenever there is
 * nothing more.
 *
 * @throws {Interrupted} when the connection was lost; it goes on after the last message given
 */
export async function* tailOnce(
  link: Link,
  source: Source,
  fromSequence: number,
  signal: AbortSignal,
): AsyncGenerator<FoundMessage | CaughtUp> {
  let signs = 0;
  let failure: Error | undefined;
  let wake = () => {};
  const fail = (error: Error) => {
    failure ??= error;
    wake();
  };
  const subscription = link.nc.subscribe(signOf(source.filter), {
    callback: (error) => {
      signs += 1;
      if (error === null) wake();
      else fail(isDenied(error) ? readingDenied(source.stream) : error);
    },
  });
  const offStatus = link.onStatus(() => fail(new Interrupted("the connection was lost")));
  const aborted = () => wake();
  signal.addEventListener("abort", aborted);

  const rest = (ms: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  try {
    let next = fromSequence;
    /** Signs whose message has not been seen. */
    let owed = 0;
    let pauses = 0;
    while (!signal.aborted) {
      if (failure !== undefined) throw failure;
      owed += signs;
      signs = 0;
      const batch = await untilInterrupted(link, source.next(next), signal);
      for (const message of batch.messages) {
        next = message.sequence + 1;
        yield message;
        if (signal.aborted) return;
      }
      owed = Math.max(0, owed - batch.messages.length);
      if (!batch.end) continue;
      yield { caughtUp: true };
      if (signs > 0 || failure !== undefined || signal.aborted) continue;
      if (batch.messages.length > 0) pauses = 0;
      const shortly = owed > 0 ? PAUSES_AFTER_SIGN_MS[pauses] : undefined;
      if (shortly === undefined) owed = 0;
      pauses = shortly === undefined ? 0 : pauses + 1;
      await rest(shortly ?? source.lookAgainMs());
    }
  } finally {
    signal.removeEventListener("abort", aborted);
    offStatus();
    subscription.unsubscribe();
  }
}
