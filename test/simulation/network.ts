import { PitayaError } from "@pitaya/protocol";
import type { Random } from "./random.ts";
import type { Life, World } from "./world.ts";

/** How bad the ways between a process and the bus are. Shares of all messages, 0 to 1. */
export interface Weather {
  /** Requests that never arrive. */
  readonly lost: number;
  /** Answers that never arrive, after the deed was done. */
  readonly unanswered: number;
  /** Messages that take up to seconds. */
  readonly slow: number;
  /** Commands that are delivered a second time while the first is being handled. */
  readonly twice: number;
}

export const CLEAR: Weather = { lost: 0, unanswered: 0, slow: 0, twice: 0 };

export interface Call {
  /** Gives up after this long. */
  readonly forMs?: number;
  /** Gives up when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** The ways of one incarnation of a process to the outside and back. */
export interface Network {
  readonly world: World;
  readonly life: Life;
  readonly weather: Weather;
  readonly random: Random;
  delayMs(): number;
  /**
   * Has something done at the bus, as the real client does: repeats it, through lost messages and
   * breaks of the connection, until the answer is known. The deed must be one that may be done twice.
   *
   * @throws `bus_unavailable` when patience ends
   */
  call<T>(what: string, deed: () => Promise<T>, options?: Call): Promise<T>;
  /** The deed is done at once; that it is, and what came of it, is known later. */
  local<T>(what: string, deed: () => Promise<T>): Promise<T>;
  /** A way on which nothing is lost and the order is kept. */
  line<T>(what: string): Line<T>;
}

export interface Line<T> {
  push(item: T): void;
  /** What has arrived. Ends when `signal` aborts. */
  items(signal: AbortSignal): AsyncIterable<T>;
}

/** As the real client waits before it asks again. */
const REQUEST_TIMEOUT_MS = 2_000;

export function network(world: World, life: Life, weather: Weather, random: Random): Network {
  const delayMs = () =>
    weather.slow > 0 && random.chance(weather.slow)
      ? random.between(10, 3_000)
      : random.between(0.2, 3);

  function whenConnected(then: () => void): void {
    if (!life.cut) {
      then();
      return;
    }
    const look = () => {
      if (life.cut) return;
      life.onConnection.delete(look);
      then();
    };
    life.onConnection.add(look);
  }

  function call<T>(what: string, deed: () => Promise<T>, { forMs, signal }: Call = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      let isSettled = false;
      let offLimit = () => {};
      const settle = (end: () => void) => {
        if (isSettled) return;
        isSettled = true;
        signal?.removeEventListener("abort", giveUp);
        offLimit();
        end();
      };
      const giveUp = () =>
        settle(() => reject(new PitayaError("bus_unavailable", `Gave up to ${what}.`)));
      if (signal?.aborted) return giveUp();
      signal?.addEventListener("abort", giveUp);
      if (forMs !== undefined) {
        const over = () => settle(() => reject(unavailable(what, forMs)));
        offLimit = world.after(forMs + 100, `${what} gives up`, over, life);
      }

      const again = () => {
        if (!isSettled) whenConnected(attempt);
      };
      function attempt(): void {
        if (isSettled) return;
        const fate = random.next();
        const isLost = fate < weather.lost;
        const isUnanswered = !isLost && fate < weather.lost + weather.unanswered;
        let offRepeat = () => {};
        const arrive = () => {
          if (isLost || life.cut) return;
          const answer = (end: () => void) => {
            if (isUnanswered) return;
            const back = () => {
              if (life.cut) return;
              offRepeat();
              settle(end);
            };
            world.after(delayMs(), `answer to ${what}`, back, life);
          };
          deed().then(
            (value) => answer(() => resolve(value)),
            (error: unknown) => answer(() => reject(error)),
          );
        };
        offRepeat = world.after(REQUEST_TIMEOUT_MS, `${what} again`, again, life);
        // What is on its way arrives also when its sender is gone.
        if (random.chance(0.5)) world.after(delayMs(), `${life.name} → ${what}`, arrive);
        else arrive();
      }
      whenConnected(attempt);
    });
  }

  return {
    world,
    life,
    weather,
    random,
    delayMs,
    call,
    local: (what, deed) =>
      new Promise((resolve, reject) => {
        const later = (end: () => void) =>
          void world.after(random.between(0.1, 2), what, end, life);
        deed().then(
          (value) => later(() => resolve(value)),
          (error: unknown) => later(() => reject(error)),
        );
      }),

    line<T>(what: string): Line<T> {
      const arrived: T[] = [];
      let onTheWay: T[] | undefined;
      let wake = () => {};
      let lastAtMs = 0;
      const arrive = (batch: T[]) => {
        arrived.push(...batch);
        wake();
      };
      return {
        push(item: T) {
          if (!life.alive) return;
          if (onTheWay !== undefined && random.chance(0.7)) return void onTheWay.push(item);
          const batch = [item];
          onTheWay = batch;
          lastAtMs = Math.max(lastAtMs, world.now() + delayMs());
          const left = lastAtMs - world.now();
          const there = () => {
            if (onTheWay === batch) onTheWay = undefined;
            whenConnected(() => arrive(batch));
          };
          world.after(left, what, there, life);
        },
        async *items(signal: AbortSignal) {
          while (!signal.aborted) {
            const item = arrived.shift();
            if (item !== undefined) {
              yield item;
              continue;
            }
            await new Promise<void>((resolve) => {
              const done = () => {
                signal.removeEventListener("abort", done);
                wake = () => {};
                resolve();
              };
              wake = done;
              signal.addEventListener("abort", done);
            });
          }
        },
      };
    },
  };
}

const unavailable = (what: string, forMs: number) =>
  new PitayaError("bus_unavailable", `The bus did not ${what} within ${forMs} ms.`);
