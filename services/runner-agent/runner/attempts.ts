import { type AttemptRef, kindOf, type StartCommand } from "@pitaya/protocol";
import { type AttemptActor, attemptActor } from "../actors/attempt.actor.ts";
import { type FactChain, factChain, type Narrator } from "../adapters/fact-chain.ts";
import type { AttemptBeginning, AttemptLimits } from "../domain/attempt.ts";
import { type AttemptRecord, remembered } from "../domain/attempt-record.ts";
import { limitsOf } from "../domain/limits.rules.ts";
import type { RunnerScope } from "../phases/attempt-scope.ts";
import type { AttemptDirectories } from "../ports/disk.port.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import type { Permit } from "./slots.ts";

/** The attempts that this runner-agent has in hand. */
export interface Attempts {
  find(name: AttemptName): AttemptActor | undefined;
  /** It is in hand, or was, since this runner-agent started. */
  wasBegun(name: AttemptName): boolean;
  all(): readonly AttemptActor[];
  /** Claimed or adopted, and not ended. */
  live(): readonly AttemptRef[];
  /** A chain for an attempt that is not in hand yet. */
  chainFor(name: AttemptName, place: { readonly sequence: number; readonly n: number }): FactChain;
  begin(options: BeginOptions): Promise<AttemptActor>;
}

export interface BeginOptions {
  readonly command: StartCommand;
  readonly beginning: AttemptBeginning;
  readonly record?: AttemptRecord;
  readonly chain: FactChain;
  /** Given back when the attempt has ended. */
  readonly permit: Permit;
  readonly acknowledge: () => Promise<void>;
}

export interface AttemptsOptions {
  readonly scope: RunnerScope;
  readonly narrator: Narrator;
  readonly directories: AttemptDirectories;
  /** What the runner adds to a task's own limits. */
  readonly limits: Omit<AttemptLimits, keyof StartCommand["task"]["limits"]>;
  readonly signal: AbortSignal;
}

export const attemptNameOf = ({ run, instance, attempt }: AttemptRef): AttemptName => ({
  runId: run,
  instanceId: instance,
  attempt,
});

export const attemptKey = ({ runId, instanceId, attempt }: AttemptName): string =>
  `${runId}.${instanceId}.${attempt}`;

/** Far more than could have started within the time in which a start comes again. */
const REMEMBERED = 10_000;

export function attempts(options: AttemptsOptions): Attempts {
  const { scope, narrator, directories, signal } = options;
  const inHand = new Map<string, { readonly ref: AttemptRef; readonly actor: AttemptActor }>();
  const live = new Set<string>();
  const begun = new Set<string>();

  return {
    find: (name) => inHand.get(attemptKey(name))?.actor,
    wasBegun: (name) => begun.has(attemptKey(name)),
    all: () => [...inHand.values()].map(({ actor }) => actor),
    live: () => [...inHand].flatMap(([key, { ref }]) => (live.has(key) ? [ref] : [])),
    chainFor: (name, place) => factChain(narrator, name, place, signal),
    async begin({ command, beginning, record, chain, permit, acknowledge }) {
      const { run, instance, attempt, task } = command;
      const ref = { run, instance, attempt };
      const name = attemptNameOf(ref);
      const key = attemptKey(name);
      const kind = kindOf(task);
      const limits = limitsOf(kind, { ...options.limits, ...task.limits });
      const errand = { kind, keepsSession: task.session !== undefined };
      const log = scope.log.child({ run, instance, attempt });
      const directory = await directories.create(name);
      const atMs = scope.clock.now();
      const past = record ? remembered(record) : { claimedAtMs: atMs };
      const actor = attemptActor({
        scope: { ...scope, name, command, limits, directory, log },
        input: { errand, beginning, limits, atMs, ...past },
        chain,
        acknowledge,
      });
      log.info({ beginning }, "attempt begun");
      inHand.set(key, { ref, actor });
      begun.add(key);
      const [oldest] = begun;
      if (begun.size > REMEMBERED && oldest !== undefined) begun.delete(oldest);
      if (beginning !== "ended" && beginning !== "sealed") live.add(key);
      void actor.ended.then(() => {
        live.delete(key);
        permit();
      });
      void actor.over.then(() => {
        inHand.delete(key);
        log.info("attempt over");
      });
      return actor;
    },
  };
}
