import type { Logger } from "pino";
import type { FactChain } from "../adapters/fact-chain.ts";
import { beginningOf, isTakenUp } from "../domain/adoption.rules.ts";
import type { AttemptBeginning } from "../domain/attempt.ts";
import { lossOf, type Standing } from "../domain/standing.rules.ts";
import type { AttemptDirectories, FoundAttempt } from "../ports/disk.port.ts";
import type { AttemptName, Executor, LiveAttempt } from "../ports/executor.port.ts";
import { type Attempts, attemptKey } from "./attempts.ts";
import type { Slots } from "./slots.ts";

export interface TakingUpOptions {
  readonly attempts: Attempts;
  readonly directories: AttemptDirectories;
  readonly executor: Pick<Executor, "list">;
  readonly standingOf: (name: AttemptName) => Promise<Standing>;
  readonly slots: Slots;
  readonly log: Logger;
}

/** Goes on with what an earlier incarnation of this runner-agent left, before anything else is taken. */
export async function takeUpAll(options: TakingUpOptions): Promise<void> {
  const [found, containers] = await Promise.all([
    options.directories.scan(),
    options.executor.list(),
  ]);
  const states = new Map(containers.map(({ name, state }) => [attemptKey(name), state]));
  await Promise.all(found.map((each) => takeUp(each, states.get(attemptKey(each.name)), options)));
}

async function takeUp(
  found: FoundAttempt,
  container: LiveAttempt["state"] | undefined,
  options: TakingUpOptions,
): Promise<void> {
  const { name, command, record, trouble } = found;
  const { directories, log } = options;
  if (command === undefined) {
    // Not acknowledged, so its start comes again; or unreadable, and the coordinator misses it.
    log.warn({ ...name, trouble }, "attempt without its start forgotten");
    return (await directories.create(name)).remove();
  }
  const standing = await options.standingOf(name);
  const beginning = beginningOf(standing, container, record?.startRequested ?? false);
  const { chain, lost } = await continueChain(standing, beginning, name, options.attempts);
  if (lost && lossOf(lost) === "SUPERSEDED") return;
  await options.attempts.begin({
    command,
    beginning: lost ? "sealed" : beginning,
    ...(record && { record }),
    chain,
    permit: options.slots.occupy(),
    acknowledge: async () => {},
  });
}

/** The chain as it goes on here: what is taken up says so first. */
async function continueChain(
  standing: Standing,
  beginning: AttemptBeginning,
  name: AttemptName,
  attempts: Attempts,
): Promise<{ readonly chain: FactChain; readonly lost?: Standing }> {
  if (!isTakenUp(beginning) || !("sequence" in standing)) {
    return { chain: attempts.chainFor(name, { sequence: 0, n: 0 }) };
  }
  const { sequence } = standing;
  if (standing.kind === "mine") return { chain: attempts.chainFor(name, standing) };
  const chain = attempts.chainFor(name, { sequence, n: 0 });
  return { chain, ...(await chain.tell({ type: "attempt.adopted" })) };
}
