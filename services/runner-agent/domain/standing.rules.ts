import { AttemptMessage } from "@pitaya/protocol";

/**
 * Where an attempt's chain stands, as its last message tells: nobody claimed it; ours, of this
 * incarnation; of an earlier or later incarnation of this runner; it has its last fact; it is
 * sealed. What cannot be read is never chained on: it counts as sealed.
 */
export type Standing =
  | { readonly kind: "unclaimed" }
  | { readonly kind: "mine"; readonly sequence: number; readonly n: number }
  | { readonly kind: "elsewhere"; readonly sequence: number; readonly incarnation: string }
  | { readonly kind: "ended" }
  | { readonly kind: "sealed"; readonly reason: string };

export interface LastMessage {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

function parse(payload: Uint8Array): AttemptMessage | string {
  try {
    return AttemptMessage.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 300) : String(error);
  }
}

export function standingOf(last: LastMessage | undefined, incarnation: string): Standing {
  if (last === undefined) return { kind: "unclaimed" };
  const message = parse(last.payload);
  if (typeof message === "string") return { kind: "sealed", reason: `unreadable: ${message}` };
  if (message.by === "coordinator") return { kind: "sealed", reason: message.reason };
  const { type } = message.fact;
  if (type === "attempt.succeeded" || type === "attempt.failed") return { kind: "ended" };
  const { sequence } = last;
  return message.incarnation === incarnation
    ? { kind: "mine", sequence, n: message.n }
    : { kind: "elsewhere", sequence, incarnation: message.incarnation };
}

/** What a conflict on a chain of ours means: the seal, or another incarnation that goes on with it. */
export const lossOf = (standing: Standing): "SEALED" | "SUPERSEDED" =>
  standing.kind === "sealed" || standing.kind === "unclaimed" ? "SEALED" : "SUPERSEDED";
