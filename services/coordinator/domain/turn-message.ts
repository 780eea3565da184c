import { type Decision, DecisionMessage, messageIds, type RunSpec } from "@pitaya/protocol";

/** Room for entries in one message; with its envelope it stays under 256 KiB. */
const MAX_ENTRY_BYTES = 240 * 1024;

/** The entries of one turn that fit one message; the rest is decided again when it is read back. */
export function fitting(entries: readonly Decision[]): readonly Decision[] {
  let bytes = 0;
  const count = entries.findIndex((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry)) + 1;
    return bytes > MAX_ENTRY_BYTES;
  });
  return count === -1 ? entries : entries.slice(0, Math.max(1, count));
}

export interface TurnPlace {
  readonly run: RunSpec["run"];
  readonly epoch: number;
  readonly coordinator: DecisionMessage["coordinator"];
  readonly now: Date;
  /** Where the run's decision chain stands. */
  readonly chain: { readonly lastSequence: number; readonly epoch: number; readonly n: number };
}

/** A turn as it is published: its message, its id, and what it expects to follow. */
export function turnMessage(place: TurnPlace, entries: readonly Decision[]) {
  const { run, epoch, coordinator, now, chain } = place;
  const n = chain.epoch === epoch ? chain.n + 1 : 1;
  const message = { v: 1, run, epoch, n, coordinator, at: now.toISOString(), entries } as const;
  return {
    message: DecisionMessage.parse(message),
    id: messageIds.decision(run, epoch, n),
    expectedLast: chain.lastSequence,
  };
}
