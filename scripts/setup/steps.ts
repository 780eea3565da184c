/** Tells a person what set-up does, and for how long. */
export interface Steps {
  /** Says that the work begins, that it goes on (every ten seconds), and how long it took. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  say(text: string): void;
}

const stillEveryMs = 10_000;

/** @param nowMs monotonic clock */
export function steps(write: (line: string) => void, nowMs: () => number): Steps {
  const say = (text: string) => write(`set-up: ${text}\n`);
  return {
    say,
    async step(title, work) {
      const startedAt = nowMs();
      const tookSeconds = () => ((nowMs() - startedAt) / 1000).toFixed(1);
      say(`${title} …`);
      const timer = setInterval(() => say(`${title}: ${tookSeconds()} s so far`), stillEveryMs);
      try {
        const result = await work();
        say(`${title}: done in ${tookSeconds()} s`);
        return result;
      } catch (error) {
        const how = error instanceof Error && error.name === "AbortError" ? "not needed" : "failed";
        say(`${title}: ${how} after ${tookSeconds()} s`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}
