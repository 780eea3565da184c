import type { Clock } from "@pitaya/actors";
import type { CommandQueue, Delivery } from "@pitaya/bus";
import type { Logger } from "pino";
import { pause } from "../adapters/waiting.ts";
import type { Permit, Slots } from "./slots.ts";

export interface LoopOptions {
  readonly commands: Pick<CommandQueue, "next">;
  readonly runner: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

const RETRY_MS = 1_000;

/**
 * Takes starts one by one, each only when there is room for it. Ends when `signal` aborts.
 *
 * @param options.engineThere rejects while nothing can be started: the order then comes again, or is
 *   placed elsewhere, and none of its retries is spent
 */
export async function pullStarts(
  options: LoopOptions & { readonly slots: Slots; readonly engineThere: () => Promise<unknown> },
  take: (delivery: Delivery, permit: Permit) => Promise<void>,
): Promise<void> {
  const { commands, runner, signal, slots } = options;
  await again(options, async () => {
    const permit = await slots.take(signal);
    if (permit === undefined) return;
    let delivery: Delivery | undefined;
    try {
      delivery = await commands.next(runner, "start", signal);
    } finally {
      if (delivery === undefined) permit();
    }
    if (delivery === undefined) return;
    try {
      await options.engineThere();
    } catch (error) {
      permit();
      await delivery.nak(RETRY_MS);
      throw error;
    }
    await take(delivery, permit);
  });
}

/** Takes every other order as it comes, also when there is no room. Ends when `signal` aborts. */
export async function pullControls(
  options: LoopOptions,
  take: (delivery: Delivery) => Promise<void>,
): Promise<void> {
  const { commands, runner, signal } = options;
  await again(options, async () => {
    const delivery = await commands.next(runner, "control", signal);
    if (delivery) await take(delivery);
  });
}

async function again(
  { clock, signal, log }: LoopOptions,
  deed: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await deed();
    } catch (err) {
      if (signal.aborted) return;
      log.warn({ err }, "queue not read, or an order of it not handled");
      await pause(clock, RETRY_MS, signal);
    }
  }
}
