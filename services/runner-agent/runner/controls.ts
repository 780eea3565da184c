import type { Clock } from "@pitaya/actors";
import type { Delivery } from "@pitaya/bus";
import type { CleanCommand, StopMode } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { AttemptActor } from "../actors/attempt.actor.ts";
import { admitControl } from "../domain/admission.rules.ts";
import type { EpochFile } from "../ports/disk.port.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import { type Attempts, attemptKey } from "./attempts.ts";

/** Stops that overtook their starts: the two come on queues of their own. */
export interface EarlyStops {
  keep(name: AttemptName, mode: StopMode): void;
  /** Hands the stop that was kept for this attempt, if any, to it. */
  apply(name: AttemptName, actor: AttemptActor): void;
}

const KEPT = 256;

export function earlyStops(clock: Clock): EarlyStops {
  const kept = new Map<string, StopMode>();
  return {
    keep(name, mode) {
      kept.set(attemptKey(name), mode);
      const [oldest] = kept.keys();
      if (kept.size > KEPT && oldest !== undefined) kept.delete(oldest);
    },
    apply(name, actor) {
      const mode = kept.get(attemptKey(name));
      if (mode === undefined) return;
      kept.delete(attemptKey(name));
      actor.send({ type: "STOP", mode, atMs: clock.now() });
    },
  };
}

export interface ControlsOptions {
  readonly runner: string;
  readonly attempts: Attempts;
  readonly epoch: EpochFile;
  readonly earlyStops: EarlyStops;
  /** Begins to look for what nobody owns. */
  clean(command: CleanCommand): void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Handles one order from the control queue, and acknowledges it when it cannot be forgotten any more. */
export async function takeControl(delivery: Delivery, options: ControlsOptions): Promise<void> {
  const { runner, attempts, epoch, clock, log } = options;
  const admission = admitControl(delivery.payload, { runner, epoch: epoch.seen });
  if (admission.verdict !== "admit") {
    const { sequence } = delivery;
    const reason = admission.verdict === "drop" ? admission.reason : admission.error.message;
    log.warn({ sequence, reason }, "order dropped");
    return delivery.ack();
  }
  const { command } = admission;
  await epoch.note(command.epoch);
  if (command.verb === "clean") options.clean(command);
  if (command.verb === "confirm") {
    // One that is not in hand tells of its pause anew when it is, and is confirmed anew.
    const { run, instance, attempt } = command;
    const name = { runId: run, instanceId: instance, attempt };
    attempts.find(name)?.send({ type: "CONFIRMED" });
  }
  if (command.verb !== "cancel") return delivery.ack();
  const { run, instance, attempt, mode } = command;
  const name = { runId: run, instanceId: instance, attempt };
  const actor = attempts.find(name);
  log.info({ run, instance, attempt, mode, inHand: actor !== undefined }, "told to stop");
  if (actor === undefined) {
    options.earlyStops.keep(name, mode);
  } else {
    actor.send({ type: "STOP", mode, atMs: clock.now() });
    await actor.handled();
  }
  return delivery.ack();
}
