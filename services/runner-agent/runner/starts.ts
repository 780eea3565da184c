import type { Delivery } from "@pitaya/bus";
import type { ErrorRecord, StartCommand } from "@pitaya/protocol";
import type { Logger } from "pino";
import type { FactChain } from "../adapters/fact-chain.ts";
import { admitStart, type OrderName } from "../domain/admission.rules.ts";
import type { AttemptBeginning } from "../domain/attempt.ts";
import type { EpochFile } from "../ports/disk.port.ts";
import type { AttemptName } from "../ports/executor.port.ts";
import type { Attempts } from "./attempts.ts";
import type { EarlyStops } from "./controls.ts";
import type { Permit } from "./slots.ts";

export interface StartsOptions {
  readonly runner: string;
  readonly attempts: Attempts;
  readonly epoch: EpochFile;
  readonly earlyStops: EarlyStops;
  readonly log: Logger;
}

/**
 * Handles one start from the queue, for which `permit` is held: claims the attempt, writes it down,
 * acknowledges. The permit is given back where nothing comes of it.
 *
 * @throws when the bus does; the start then comes again
 */
export async function takeStart(
  delivery: Delivery,
  permit: Permit,
  options: StartsOptions,
): Promise<void> {
  let kept = false;
  try {
    kept = await handle(delivery, permit, options);
  } finally {
    if (!kept) permit();
  }
}

async function handle(
  delivery: Delivery,
  permit: Permit,
  options: StartsOptions,
): Promise<boolean> {
  const { runner, attempts, epoch, log } = options;
  const { sequence } = delivery;
  const admission = admitStart(delivery.payload, { runner, epoch: epoch.seen });
  if (admission.verdict === "drop") {
    log.warn({ sequence, reason: admission.reason }, "start dropped");
    await delivery.ack();
    return false;
  }
  if (admission.verdict === "refuse") {
    await epoch.note(admission.order.epoch);
    await refuse(admission.order, admission.error, options);
    await delivery.ack();
    return false;
  }
  const { command } = admission;
  await epoch.note(command.epoch);
  const name = nameOf(command);
  const claimed = await claim(command, name, options);
  if (claimed === undefined) {
    await delivery.ack();
    return false;
  }
  const acknowledge = () => delivery.ack();
  const actor = await attempts.begin({ command, permit, acknowledge, ...claimed });
  options.earlyStops.apply(name, actor);
  return true;
}

/** The attempt's first fact, or what became of it before; `undefined` where there is nothing to do. */
async function claim(
  command: StartCommand,
  name: AttemptName,
  { attempts, log }: StartsOptions,
): Promise<{ beginning: AttemptBeginning; chain: FactChain } | undefined> {
  const chain = attempts.chainFor(name, { sequence: 0, n: 0 });
  const loss = await chain.tell({ type: "attempt.claimed" });
  if (loss === undefined) return { beginning: "claimed", chain };
  const { lost } = loss;
  if (lost.kind === "mine" && !attempts.wasBegun(name)) {
    // Claimed, and then it could not be written down. Its start came again for that.
    return { beginning: "claimed", chain: attempts.chainFor(name, lost) };
  }
  if (lost.kind !== "elsewhere") {
    // Sealed, over, or in hand already: delivered again because its acknowledgement was lost.
    log.info({ ...command, task: undefined, standing: lost.kind }, "start dropped");
    return undefined;
  }
  // An earlier incarnation claimed it and died before it had written the start down.
  const adopted = attempts.chainFor(name, { sequence: lost.sequence, n: 0 });
  if (await adopted.tell({ type: "attempt.adopted" })) return undefined;
  return { beginning: "claimed", chain: adopted };
}

/** Who waits for the attempt is told why nothing comes of it. */
async function refuse(
  order: OrderName,
  error: ErrorRecord,
  { attempts, log }: StartsOptions,
): Promise<void> {
  log.warn({ ...order, error }, "start refused");
  const chain = attempts.chainFor(nameOf(order), { sequence: 0, n: 0 });
  if (await chain.tell({ type: "attempt.claimed" })) return;
  await chain.tell({
    type: "attempt.failed",
    error,
    lastOutput: "",
    account: { agentMs: 0 },
    lfsObjectsMissing: 0,
  });
}

const nameOf = ({ run, instance, attempt }: Omit<OrderName, "epoch">): AttemptName => ({
  runId: run,
  instanceId: instance,
  attempt,
});
