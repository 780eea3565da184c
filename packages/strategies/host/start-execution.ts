import { PitayaError } from "@pitaya/protocol";
import type { Strategy } from "../sdk.ts";
import { callRecord } from "./call-record.ts";
import { endByOutcome, endByThrow } from "./execution-end.ts";
import type { HostedExecution, HostOptions, Sleep } from "./hosted-execution.ts";
import { keyTable } from "./key-table.ts";
import { seededRandom } from "./seeded-random.ts";
import { standing as newStanding, WAITS_ELSEWHERE } from "./standing.ts";
import { strategyContext } from "./strategy-context.ts";
import { waits as newWaits } from "./waits.ts";

/**
 * Starts a strategy's code and lets it run until it waits for a task.
 *
 * Invariants, which make a replay meet the same events in the same order:
 *
 * 1. The code runs only in a turn: from its start, or from a delivery, until it is at rest. Its
 *    context gives it nothing to wait for but tasks, files and sleeps, so it is at rest when the
 *    microtask queue is empty; a macrotask comes after exactly that.
 * 2. Code that uses its context outside a turn, or is at rest and waits for none of those, waits for
 *    something that no replay would bring: that ends it.
 * 3. Once it has left its recorded path nothing it does counts any more, whatever it catches.
 */
export async function startExecution(
  strategy: Strategy,
  options: HostOptions,
): Promise<HostedExecution> {
  const { params, planner, elsewhere, rekeyed = false } = options;
  const standing = newStanding(strategy.name);
  const waits = newWaits();
  const calls = callRecord(options.recorded, (code, what) =>
    standing.breaks(standing.fails(code, what)),
  );
  const keys = keyTable({
    standing,
    prefix: typeof params["key_prefix"] === "string" ? params["key_prefix"] : undefined,
    keyPolicy: options.keyPolicy ?? "strict",
    recordedFingerprint: (name) => options.recordedFingerprint?.(name),
  });
  const sleeps: Sleep[] = [];
  const cancelled = new Set<string>();
  const givenUp = new AbortController();
  let nowMs = options.startedAtMs;
  const ctx = strategyContext({
    ...{ standing, calls, keys, waits, planner, sleeps, cancelled },
    signal: givenUp.signal,
    rand: seededRandom(options.seed),
    now: () => nowMs,
    log: options.log,
  });

  const fail = (thrown: unknown) => {
    standing.ended ??= endByThrow(standing.broken ?? thrown, keys);
  };

  /** Lets the code run until it is at rest. */
  async function turn(begin: () => void): Promise<void> {
    standing.inTurn = true;
    // Asked for first: an immediate of the code's own then comes after the turn, and is noticed.
    const atRest = quiescence();
    elsewhere?.beginTurn();
    begin();
    await atRest;
    while (elsewhere && !elsewhere.isAtRest) {
      await elsewhere.atRest();
      // What it asked for may be answered at once, and that sets it going again.
      await quiescence();
    }
    standing.inTurn = false;
    if (standing.ended) return;
    if (standing.broken) fail(standing.broken);
    else if (waits.open === 0) fail(standing.fails("strategy_failed", WAITS_ELSEWHERE));
  }

  const { prompt, baseBranch, baseCommit, files } = options;
  const input = { prompt, baseBranch, baseCommit, params, files };
  await turn(() => {
    // In an async function, so that what the code throws before its first `await` is no exception.
    const code = async () => strategy.execute(input, ctx);
    code().then((outcome) => {
      if (standing.broken) fail(standing.broken);
      else standing.ended ??= endByOutcome(outcome, { standing, calls, keys, waits });
    }, fail);
  });

  const oneAtATime = (what: string) => {
    if (standing.inTurn) throw new PitayaError("internal", `${what} came in another's turn`);
  };

  return {
    calls: calls.calls,
    get tasks() {
      return [...keys.tasks.values()];
    },
    get cancelled() {
      return [...cancelled];
    },
    get ended() {
      return standing.ended;
    },
    get replaced() {
      return [...keys.replaced];
    },
    sleeps,
    async wake(index, atMs) {
      oneAtATime(`the end of sleep ${index}`);
      if (standing.ended) return;
      nowMs = atMs;
      await turn(() => {
        if (waits.wake(index)) return;
        const what = `call ${index} is no sleep that goes on`;
        standing.breaks(standing.fails("replay_mismatch", what));
      });
    },
    async deliver(name, resolution, atMs) {
      oneAtATime(`a result of ${name}`);
      if (standing.ended || waits.resolutions.has(name)) return;
      waits.note(name, resolution);
      const task = keys.tasks.get(name);
      if (task) planner.learn(task.planned, resolution);
      else if (!rekeyed) {
        const what = `it did not ask for task ${name}, which has a result`;
        standing.breaks(standing.fails("replay_mismatch", what));
      }
      nowMs = atMs;
      await turn(() => waits.settle(name, resolution));
    },
    close() {
      standing.ended ??= endByThrow(standing.fails("strategy_failed", "was given up"), keys);
      givenUp.abort();
    },
  };
}

// Taken at once, so that a test's clock cannot stop it.
const afterMicrotasks = globalThis.setImmediate;
const quiescence = () => new Promise<void>((resolve) => afterMicrotasks(resolve));
