import { ask } from "@pitaya/bus";
import { isPitayaError, type RunSpec, runEvents, subjects } from "@pitaya/protocol";
import { isFinalPhase, type RunView, runLog, runView } from "@pitaya/views";
import {
  type Connection,
  handOverCredentials,
  interruptRun,
  sealForCoordinators,
  submit,
} from "pitaya/testing";
import type { Surroundings } from "./host.ts";
import { CREDENTIAL, type RunPlan } from "./plan.ts";
import { scriptedKeys } from "./scripted-keys.ts";

const RETRY_MS = 1_000;
const TIMEOUT_MS = 20_000;
const BASE = Buffer.from("# v2 git bundle of the base");
const BASE_COMMIT = "a".repeat(40);

/** What a person at a terminal has in mind with a run: kept over the deaths of the commands. */
export interface Intentions {
  submitted: boolean;
  stopAsked: boolean;
  resumed: boolean;
}

export const freshIntentions = (): Intentions => ({
  submitted: false,
  stopAsked: false,
  resumed: false,
});

/**
 * A command attached to its run: submits it, or goes on with it, hands over credentials as long as it
 * is there, and interrupts, cancels and resumes as planned. Ends when the run has.
 */
export async function client(
  { bus, clock, life, net, random }: Surroundings,
  plan: RunPlan,
  intentions: Intentions,
): Promise<"over" | "again"> {
  const stopping = new AbortController();
  const keys = scriptedKeys(random);
  const { run } = plan.spec;
  const credentials: Record<string, string> =
    plan.spec.agent.credentials.length > 0 ? { [CREDENTIAL]: "a secret of eight" } : {};
  const connection: Connection = {
    bus,
    moved: stopping.signal,
    settled: async () => undefined,
    client: life.name,
    store: "memory",
    gone: new Promise(() => undefined),
    submitted: async () => undefined,
    raiseSlots: async () => undefined,
    close: async () => undefined,
  };
  const pause = (ms: number) => new Promise<void>((done) => clock.setTimer(ms, done));

  /** As a person does who reads that it did not work. */
  async function insist<T>(deed: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await deed();
      } catch (error) {
        if (!isPitayaError(error)) throw error;
        net.world.note(`${life.name} tries again: ${error.message}`);
        await pause(RETRY_MS);
      }
    }
  }

  async function resume(): Promise<void> {
    const secrets = await sealForCoordinators(bus, keys, run, credentials);
    const subject = subjects.apiRun.of({ run, verb: "resume" });
    const request = { v: 1, by: "somebody", fresh: false, secrets } as const;
    await ask(bus, "resume", subject, request, TIMEOUT_MS);
  }

  async function stop(mode: "interrupt" | "cancel"): Promise<void> {
    if (mode === "interrupt") return interruptRun(connection, run, "somebody", "no more");
    const subject = subjects.apiRun.of({ run, verb: "stop" });
    const request = { v: 1, mode, by: "somebody", reason: "no more" } as const;
    await ask(bus, "stop", subject, request, TIMEOUT_MS);
  }

  if (!intentions.submitted) {
    await pause(plan.submitAfterMs);
    await insist(() =>
      submit(connection, keys, credentials, async () => {
        const blob = await bus.blobs.put(async function* () {
          yield BASE;
        });
        const bundles = [{ blob, tip: BASE_COMMIT, shallow: [] }];
        const base = { branch: "main", commit: BASE_COMMIT, bundles };
        return { ...plan.spec, base } satisfies RunSpec;
      }),
    );
    intentions.submitted = true;
  } else if (!plan.intervention || !intentions.stopAsked || intentions.resumed) {
    await insist(resume);
  }
  let handOverAgain = () => {};
  void handOverCredentials({
    connection,
    clock,
    onOwner: (again) => {
      handOverAgain = again;
    },
    sealer: keys,
    run,
    credentials,
    signal: stopping.signal,
    onProblem: (error) => net.world.note(`${life.name} could not hand over: ${String(error)}`),
  });

  const log = runLog();
  const fold = runView();
  const changed = new Set<() => void>();
  const follow = async () => {
    for await (const item of bus.events.follow(runEvents(run), { signal: stopping.signal })) {
      if ("caughtUp" in item) continue;
      for (const event of log.admit(item)) {
        fold.apply(event);
        if (event.kind === "decision" && event.entry.type === "owner.changed") handOverAgain();
      }
      for (const call of [...changed]) call();
    }
  };
  void follow();
  const until = (condition: (view: RunView) => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!condition(fold.view)) return;
        changed.delete(look);
        resolve();
      };
      changed.add(look);
      look();
    });
  const isStill = ({ phase }: RunView) => phase === "interrupted" || isFinalPhase(phase);

  const { intervention } = plan;
  if (intervention && !intentions.resumed) {
    if (!intentions.stopAsked) {
      await pause(intervention.afterMs);
      await insist(() => stop(intervention.mode));
      intentions.stopAsked = true;
    }
    await until(isStill);
    if (!isFinalPhase(fold.view.phase)) {
      await pause(intervention.resumeAfterMs);
      if (intervention.mode === "cancel") await insist(() => stop("cancel"));
      else await insist(resume);
    }
    intentions.resumed = true;
  }
  // What nobody wanted, such as the end of all coordinators' patience with missing credentials, is
  // gone on from.
  for (;;) {
    await until(isStill);
    if (isFinalPhase(fold.view.phase)) break;
    const { sequence } = fold.view;
    await insist(resume);
    await until((view) => isFinalPhase(view.phase) || view.sequence > sequence);
  }
  stopping.abort();
  return "over";
}
