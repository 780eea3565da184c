import type { Clock } from "./clock.ts";

/**
 * Something the present state asks the outside to do. `id` names it for as long as it is wanted:
 * the same id is the same deed, however often the state is looked at. Doing it twice is harmless.
 */
export interface Intent {
  readonly id: string;
}

export interface IntentRunner<I extends Intent> {
  /** Compares what is wanted with what is under way: starts what is new, aborts what is not wanted. */
  reconcile(wanted: readonly I[]): void;
  /** Aborts everything and waits for it. */
  stop(): Promise<void>;
}

export interface IntentRunnerOptions<I extends Intent> {
  readonly clock: Clock;
  /** Does it. `signal` aborts when it is no longer wanted. */
  perform(intent: I, signal: AbortSignal): Promise<void>;
  /** Told of every failure; the intent is tried again after the returned time, while wanted. */
  onError(intent: I, error: unknown, failures: number): { readonly retryAfterMs: number };
}

interface UnderWay {
  readonly abort: AbortController;
  cancelRetry: () => void;
  settled: Promise<void>;
}

/**
 * Keeps the outside in step with the state. A deed that succeeded is not repeated while it stays
 * wanted; one that is wanted again after it was not, is done again.
 */
export function intentRunner<I extends Intent>(options: IntentRunnerOptions<I>): IntentRunner<I> {
  const underWay = new Map<string, UnderWay>();
  const leaving = new Set<Promise<void>>();

  const attempt = async (intent: I, entry: UnderWay, failures: number): Promise<void> => {
    try {
      await options.perform(intent, entry.abort.signal);
    } catch (error) {
      if (entry.abort.signal.aborted) return;
      const { retryAfterMs } = options.onError(intent, error, failures + 1);
      entry.cancelRetry = options.clock.setTimer(retryAfterMs, () => {
        entry.settled = attempt(intent, entry, failures + 1);
      });
    }
  };

  const drop = (id: string, entry: UnderWay) => {
    underWay.delete(id);
    entry.cancelRetry();
    entry.abort.abort();
    const settled = entry.settled.finally(() => leaving.delete(settled));
    leaving.add(settled);
  };

  return {
    reconcile(wanted) {
      const ids = new Set(wanted.map((intent) => intent.id));
      for (const [id, entry] of underWay) if (!ids.has(id)) drop(id, entry);
      for (const intent of wanted) {
        if (underWay.has(intent.id)) continue;
        const entry: UnderWay = {
          abort: new AbortController(),
          cancelRetry: () => undefined,
          settled: Promise.resolve(),
        };
        underWay.set(intent.id, entry);
        entry.settled = attempt(intent, entry, 0);
      }
    },
    async stop() {
      for (const [id, entry] of underWay) drop(id, entry);
      await Promise.all(leaving);
    },
  };
}
