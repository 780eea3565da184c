import type { Clock } from "@pitaya/actors";
import { type Bus, encode } from "@pitaya/bus";
import {
  buckets,
  CancelCommand,
  ConfirmCommand,
  InstanceId,
  messageIds,
  PitayaError,
  ProcessId,
  RunId,
  SealMessage,
  StartCommand,
  subjects,
} from "@pitaya/protocol";
import type { RunIntent } from "./domain/run-intents.ts";

export interface PerformOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly coordinator: ProcessId;
  readonly epoch: number;
  /** The attempt was told to stop; the time from which its grace counts. */
  toldToStop(run: string, instance: string, attempt: number): void;
  /** Whether the runner is alive after all: its key was renewed, and it was not heard of here yet. */
  hasRenewed(runner: string, revision: number | undefined): boolean;
}

/** Does what the state of a run asks for. Every deed can be done twice. */
export function performIntent(options: PerformOptions) {
  const { bus, clock, coordinator, epoch } = options;
  let seals = 0;

  /**
   * A heartbeat that the server has and that is slow to arrive here speaks against a loss: the runner
   * holds its lease, and its containers run.
   *
   * @throws `runner_lost`, retryable, when there is one; by the next try it has arrived
   */
  async function notHeardYet(runner: string): Promise<void> {
    const entry = await bus.bucket(buckets.runners).get(runner);
    if (!options.hasRenewed(runner, entry?.revision)) return;
    throw new PitayaError("runner_lost", `runner ${runner} is alive; its heartbeat comes late`, {
      retryable: true,
    });
  }

  return async (intent: RunIntent, signal: AbortSignal): Promise<void> => {
    const { instance, attempt, runner } = intent;
    const order = {
      v: 1,
      epoch,
      run: RunId.parse(intent.run),
      instance: InstanceId.parse(instance),
      attempt,
      at: new Date(clock.now()).toISOString(),
    } as const;
    switch (intent.kind) {
      case "start": {
        const command = { ...order, runner: ProcessId.parse(runner), decision: intent.decision };
        await bus.commands.publish(subjects.start.of({ runner }), {
          id: messageIds.start(intent.run, instance, attempt, epoch),
          payload: encode(StartCommand, {
            ...command,
            task: intent.task,
            ...(intent.snapshot && { snapshot: intent.snapshot }),
          }),
        });
        return;
      }
      case "confirm": {
        const command = { ...order, runner: ProcessId.parse(runner), decision: intent.decision };
        const { pausedBy } = intent;
        await bus.commands.publish(subjects.control.of({ runner, verb: "confirm" }), {
          id: messageIds.control(intent.run, instance, attempt, "confirm", epoch, pausedBy),
          payload: encode(ConfirmCommand, { ...command, verb: "confirm" }),
        });
        return;
      }
      case "cancel": {
        const command = { ...order, runner: ProcessId.parse(runner), decision: intent.decision };
        const { mode } = intent;
        await bus.commands.publish(subjects.control.of({ runner, verb: "cancel" }), {
          id: messageIds.control(intent.run, instance, attempt, "cancel", epoch, 1),
          payload: encode(CancelCommand, { ...command, verb: "cancel", mode }),
        });
        options.toldToStop(intent.run, instance, attempt);
        return;
      }
      case "seal": {
        if (intent.reason === "lost") await notHeardYet(runner);
        seals += 1;
        const seal = {
          ...order,
          by: "coordinator",
          coordinator,
          n: seals,
          reason: intent.reason,
        } as const;
        const subject = subjects.fact.of({
          run: intent.run,
          runner,
          instance,
          attempt: String(attempt),
        });
        // A conflict is a newer fact: it is on its way here, and the state will ask again if need be.
        await bus.events.append(
          subject,
          {
            id: messageIds.seal(intent.run, instance, attempt, epoch, seals),
            payload: encode(SealMessage, seal),
            expectedLast: intent.expectedLast,
          },
          signal,
        );
        return;
      }
      default:
        return intent satisfies never;
    }
  };
}
