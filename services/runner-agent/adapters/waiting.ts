import type { Clock } from "@pitaya/actors";

/** Waits for something, but not longer than that. What it ends with is the caller's to look at. */
export async function atMost(clock: Clock, ms: number, deed: Promise<unknown>): Promise<void> {
  let cancel = () => {};
  const limit = new Promise<void>((resolve) => {
    cancel = clock.setTimer(ms, resolve);
  });
  try {
    await Promise.race([deed, limit]);
  } finally {
    cancel();
  }
}

/** Waits, or until `signal` aborts. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      cancel();
      signal.removeEventListener("abort", over);
      resolve();
    };
    const cancel = clock.setTimer(ms, over);
    if (signal.aborted) over();
    else signal.addEventListener("abort", over, { once: true });
  });
}
