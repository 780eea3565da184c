import { isPitayaError } from "@pitaya/protocol";

/** A coordinator that is killed before it answers never does, and the one after it has other keys. */
const TRY_MS = 5_000;

/**
 * Asks a coordinator something that may be asked twice, again and again until one answers: each time
 * anew, so that the request can be made for the one that decides by then.
 *
 * @param askOnce asks, and waits for so many milliseconds
 * @throws what the coordinator refuses with; `no_coordinator`, `bus_unavailable` after `timeoutMs`
 */
export async function askPatiently<T>(
  timeoutMs: number,
  askOnce: (timeoutMs: number) => Promise<T>,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = deadline - performance.now();
    try {
      return await askOnce(Math.max(1, Math.min(TRY_MS, leftMs)));
    } catch (error) {
      const unheard =
        isPitayaError(error, "bus_unavailable") || isPitayaError(error, "no_coordinator");
      if (!unheard || leftMs <= TRY_MS) throw error;
    }
  }
}
