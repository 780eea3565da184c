import type { CaughtUp, StoredMessage } from "../bus.port.ts";
import { copyOf, type Kept, type MemoryStream } from "./memory-stream.ts";

/** A kept message as readers get it: their own copy of the bytes. */
export const shown = ({ id: _, ...message }: Kept): StoredMessage => ({
  ...message,
  payload: copyOf(message.payload),
});

/** Resolves at the next append to the stream, or when `signal` aborts. */
export function nextAppend(stream: MemoryStream, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      stop();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const stop = stream.onAppend(done);
    signal.addEventListener("abort", done);
  });
}

export async function* readMemory(
  stream: MemoryStream,
  filters: readonly string[],
  fromSequence = 1,
): AsyncIterable<StoredMessage> {
  const until = stream.lastSequence;
  let message = stream.next(filters, fromSequence);
  while (message !== undefined && message.sequence <= until) {
    yield shown(message);
    message = stream.next(filters, message.sequence + 1);
  }
}

export async function* followMemory(
  stream: MemoryStream,
  filters: readonly string[],
  signal: AbortSignal,
  fromSequence = 1,
): AsyncIterable<StoredMessage | CaughtUp> {
  const present = stream.lastSequence;
  let from = fromSequence;
  let caughtUp = false;
  while (!signal.aborted) {
    const message = stream.next(filters, from);
    if (!caughtUp && (message === undefined || message.sequence > present)) {
      caughtUp = true;
      yield { caughtUp };
    } else if (message === undefined) {
      from = Math.max(from, stream.lastSequence + 1);
      await nextAppend(stream, signal);
    } else {
      from = message.sequence + 1;
      yield shown(message);
    }
  }
}
