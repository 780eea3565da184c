import type { Clock } from "@pitaya/actors";
import { PitayaError } from "@pitaya/protocol";

/** Those who wait for something to be folded. */
export interface FoldWaiters {
  /** Resolves when the condition holds after some event. @throws `bus_unavailable` after `timeoutMs` */
  until(condition: () => boolean, what: string, timeoutMs: number): Promise<void>;
  /** Something was folded. */
  check(): void;
}

export function foldWaiters(clock: Clock): FoldWaiters {
  const waiters = new Set<() => void>();
  return {
    until: (condition, what, timeoutMs) =>
      new Promise((resolve, reject) => {
        const end = () => {
          waiters.delete(check);
          cancel();
        };
        const check = () => {
          if (!condition()) return;
          end();
          resolve();
        };
        const cancel = clock.setTimer(timeoutMs, () => {
          end();
          reject(new PitayaError("bus_unavailable", `${what} was not seen within ${timeoutMs} ms`));
        });
        waiters.add(check);
        check();
      }),
    check() {
      for (const waiter of [...waiters]) waiter();
    },
  };
}
