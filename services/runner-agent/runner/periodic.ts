import type { Clock } from "@pitaya/actors";

/**
 * Does something again and again, `everyMs` after it was last done, until `signal` aborts. One that
 * fails is told of and done again the next time.
 */
export function periodically(
  clock: Clock,
  everyMs: number,
  signal: AbortSignal,
  deed: () => Promise<void>,
  onError: (error: unknown) => void,
): void {
  const arm = () => {
    if (signal.aborted) return;
    const cancel = clock.setTimer(everyMs, () => {
      signal.removeEventListener("abort", cancel);
      deed().catch(onError).finally(arm);
    });
    signal.addEventListener("abort", cancel, { once: true });
  };
  arm();
}
