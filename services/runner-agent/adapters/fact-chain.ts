import type { Clock } from "@pitaya/actors";
import { type Bus, encode, openChain } from "@pitaya/bus";
import { type Fact, FactMessage, isPitayaError, messageIds, subjects } from "@pitaya/protocol";
import { type Standing, standingOf } from "../domain/standing.rules.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import { pause } from "./waiting.ts";

/** The facts of one attempt, as this incarnation of the runner-agent tells them. */
export interface FactChain {
  /**
   * Tells the next fact, after all told before it. Repeats itself until the bus takes it.
   *
   * @returns how the chain stands when it is no longer ours to write: from then on nothing is told
   */
  tell(fact: Fact): Promise<{ readonly lost: Standing } | undefined>;
  /**
   * Resolves when the last fact told is stored; how the chain stands when it will not be.
   *
   * @throws what telling it failed with
   */
  settled(): Promise<{ readonly lost: Standing } | undefined>;
}

export interface Narrator {
  readonly events: Bus["events"];
  readonly clock: Clock;
  readonly runner: string;
  /** Which start of the runner-agent this is: 8 hex. */
  readonly incarnation: string;
  /** Told when telling fails and is tried again. */
  readonly onTrouble: (error: unknown) => void;
}

const RETRY_MS = 2_000;

export const factSubject = (runner: string, name: AttemptName): string =>
  subjects.fact.of({
    runner,
    run: name.runId,
    instance: name.instanceId,
    attempt: String(name.attempt),
  });

/** How the attempt's chain stands, as the server has it. */
export async function readStanding(
  { events, runner, incarnation }: Pick<Narrator, "events" | "runner" | "incarnation">,
  name: AttemptName,
): Promise<Standing> {
  return standingOf(await events.last(factSubject(runner, name)), incarnation);
}

/**
 * @param place of the last message of the subject: 0 for an attempt to be claimed. `n` counts what
 *   this incarnation has told of the attempt
 */
export function factChain(
  narrator: Narrator,
  name: AttemptName,
  place: { readonly sequence: number; readonly n: number },
  signal: AbortSignal,
): FactChain {
  const { events, clock, runner, incarnation } = narrator;
  const { runId: run, instanceId: instance, attempt } = name;
  const subject = factSubject(runner, name);
  let chain = openChain(events, subject, place.sequence);
  let n = place.n;
  let last: Promise<{ readonly lost: Standing } | undefined> = Promise.resolve(undefined);

  async function append(fact: Fact, at: string): Promise<{ readonly lost: Standing } | undefined> {
    const id = messageIds.fact(run, instance, attempt, incarnation, n + 1);
    const message = {
      v: 1,
      by: "runner",
      run,
      instance,
      attempt,
      runner,
      incarnation,
      at,
    } as const;
    const payload = encode(FactMessage, { ...message, n: n + 1, fact });
    for (;;) {
      signal.throwIfAborted();
      try {
        const result = await chain.append({ id, payload }, signal);
        if (result.status === "stored") {
          n += 1;
          return undefined;
        }
        return { lost: await readStanding(narrator, name) };
      } catch (error) {
        if (signal.aborted || (isPitayaError(error) && !error.retryable)) throw error;
        narrator.onTrouble(error);
        // Same id, same expectation: were it stored after all, the server's answer says so.
        chain = openChain(events, subject, chain.lastSequence);
        await pause(clock, RETRY_MS, signal);
      }
    }
  }

  return {
    tell(fact) {
      const at = new Date(clock.now()).toISOString();
      const before = last.catch(() => undefined);
      last = before.then(() => append(fact, at));
      return last;
    },
    settled: () => last,
  };
}
