import { ControlCommand, type ErrorRecord, StartCommand } from "@pitaya/protocol";

/** What tells one order from another, whatever else of it can be read. */
const Envelope = StartCommand.omit({ task: true });

export interface OrderName {
  readonly run: string;
  readonly instance: string;
  readonly attempt: number;
  readonly epoch: number;
}

export type Admission<C> =
  | { readonly verdict: "admit"; readonly command: C }
  /** It cannot be done as it is written; whoever waits for it is told why. */
  | { readonly verdict: "refuse"; readonly order: OrderName; readonly error: ErrorRecord }
  /** Not for us, or not any more. There is nobody to tell. */
  | { readonly verdict: "drop"; readonly reason: string };

export interface Recipient {
  readonly runner: string;
  /** Highest epoch of any command seen. */
  readonly epoch: number;
}

function read(payload: Uint8Array): { readonly json: unknown } | { readonly trouble: string } {
  try {
    return { json: JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)) };
  } catch (error) {
    return { trouble: error instanceof Error ? error.message : String(error) };
  }
}

function misdirected(
  order: { readonly runner: string; readonly epoch: number },
  to: Recipient,
): string | undefined {
  if (order.runner !== to.runner) return `it is for runner ${order.runner}`;
  if (order.epoch < to.epoch) return `its epoch ${order.epoch} is over, ${to.epoch} was seen`;
  return undefined;
}

export function admitStart(payload: Uint8Array, to: Recipient): Admission<StartCommand> {
  const found = read(payload);
  if ("trouble" in found) return { verdict: "drop", reason: `no JSON: ${found.trouble}` };
  const envelope = Envelope.safeParse(found.json);
  if (!envelope.success) return { verdict: "drop", reason: `no order: ${envelope.error.message}` };
  const reason = misdirected(envelope.data, to);
  if (reason !== undefined) return { verdict: "drop", reason };
  const command = StartCommand.safeParse(found.json);
  if (command.success) return { verdict: "admit", command: command.data };
  const error: ErrorRecord = {
    code: "malformed_message",
    message: `The start command cannot be read: ${command.error.message}`.slice(0, 2_000),
    hint: "Coordinator and runner-agent may be of different versions.",
    retryable: false,
  };
  return { verdict: "refuse", order: envelope.data, error };
}

export function admitControl(payload: Uint8Array, to: Recipient): Admission<ControlCommand> {
  const found = read(payload);
  if ("trouble" in found) return { verdict: "drop", reason: `no JSON: ${found.trouble}` };
  const command = ControlCommand.safeParse(found.json);
  if (!command.success) return { verdict: "drop", reason: `no order: ${command.error.message}` };
  const reason = misdirected(command.data, to);
  return reason === undefined
    ? { verdict: "admit", command: command.data }
    : { verdict: "drop", reason };
}
