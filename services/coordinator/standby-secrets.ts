import type { Clock } from "@pitaya/actors";
import { ask, type Bus } from "@pitaya/bus";
import { credentialsOf, type ProcessId, RunId, subjects } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { type FoldedRun, isFinalRun } from "./fold/folded-run.ts";

export interface StandbySecretsOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
  readonly coordinator: ProcessId;
  readonly secrets: SecretHolder;
}

/** Fetches from the coordinator that decides what this one would need in its place. */
export interface StandbySecrets {
  /** A run was folded while another decides. */
  look(run: FoldedRun): void;
  /** This one decides now, or goes: it asks nobody any more. */
  rest(): void;
}

/** Nobody may hold them yet, or the one that decides may just have gone. */
const AGAIN_MS = 1_000;
const ASK_TIMEOUT_MS = 5_000;
const MAX_ASKED = 64;

export function standbySecrets(options: StandbySecretsOptions): StandbySecrets {
  const { bus, clock, log, coordinator, secrets } = options;
  const wanted = new Map<string, FoldedRun>();
  let cancelTimer: (() => void) | undefined;
  let asking = false;

  const lacks = (run: FoldedRun): boolean =>
    run.actors !== undefined &&
    !isFinalRun(run) &&
    !secrets.holds(run.run, credentialsOf(run.actors.spec));

  async function fetch(): Promise<void> {
    cancelTimer = undefined;
    for (const [id, run] of wanted) if (!lacks(run)) wanted.delete(id);
    const runs = [...wanted.keys()].slice(0, MAX_ASKED).map((run) => RunId.parse(run));
    if (runs.length === 0 || asking) return;
    asking = true;
    try {
      const subject = subjects.api.of({ verb: "coordinator-secrets" });
      const request = { v: 1, coordinator, runs } as const;
      const { value } = await ask(bus, "coordinator-secrets", subject, request, ASK_TIMEOUT_MS);
      for (const held of value.held) secrets.take(held.run, [held.secrets]);
    } catch (err) {
      log.debug({ err, runs }, "secrets not handed over yet");
    }
    asking = false;
    for (const [id, run] of wanted) if (!lacks(run)) wanted.delete(id);
    if (wanted.size > 0) cancelTimer ??= clock.setTimer(AGAIN_MS, () => void fetch());
  }

  return {
    look(run) {
      if (wanted.has(run.run) || !lacks(run)) return;
      wanted.set(run.run, run);
      if (cancelTimer === undefined) void fetch();
    },
    rest() {
      wanted.clear();
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
