import type { Clock } from "@pitaya/actors";
import { type Bucket, encode } from "@pitaya/bus";
import { RunnerAbout } from "@pitaya/protocol";
import type { z } from "zod";

/** What a runner tells of itself beside that it lives. */
export interface AboutKey {
  write(): Promise<void>;
  /** Something of it is different: written soon, and not more often than once a second. */
  changed(): void;
}

const AT_MOST_EVERY_MS = 1_000;

export function aboutKey(options: {
  readonly bucket: Pick<Bucket, "put">;
  readonly runner: string;
  readonly current: () => z.input<typeof RunnerAbout>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onTrouble: (error: unknown) => void;
}): AboutKey {
  const { bucket, runner, current, clock, signal } = options;
  let due = false;
  const write = async () => {
    await bucket.put(`${runner}.about`, encode(RunnerAbout, current()));
  };
  return {
    write,
    changed() {
      if (due || signal.aborted) return;
      due = true;
      const cancel = clock.setTimer(AT_MOST_EVERY_MS, () => {
        due = false;
        signal.removeEventListener("abort", cancel);
        write().catch(options.onTrouble);
      });
      signal.addEventListener("abort", cancel, { once: true });
    },
  };
}
