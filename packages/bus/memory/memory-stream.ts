import type { StreamDescriptor } from "@pitaya/protocol";
import type { StoredMessage } from "../bus.port.ts";
import { matchesAny } from "../subject-filter.rules.ts";
import type { Clock } from "./clock.ts";

export type MemoryAppend =
  | { readonly status: "stored"; readonly sequence: number; readonly duplicate: boolean }
  | { readonly status: "conflict"; readonly lastSequence: number }
  | { readonly status: "full" };

export interface Kept extends StoredMessage {
  readonly id: string | undefined;
}

/** One stream as a server keeps it: sequences, last message a subject, de-duplication, limits. */
export interface MemoryStream {
  append(
    subject: string,
    payload: Uint8Array,
    options?: {
      readonly id?: string;
      readonly expectedLast?: number;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): MemoryAppend;
  last(subject: string): Kept | undefined;
  /** The first message from `sequence` on that a filter lets through. */
  next(filters: readonly string[], sequence: number): Kept | undefined;
  get(sequence: number): Kept | undefined;
  remove(sequence: number): void;
  readonly lastSequence: number;
  readonly bytes: number;
  /** Every message kept, oldest first. */
  all(): readonly Kept[];
  /** Replaces the payload of a message, as a failing disk would. */
  damage(sequence: number, payload: Uint8Array): void;
  /** Calls back after each append until the returned function is called. */
  onAppend(call: () => void): () => void;
}

/** Bytes of one's own. (`slice` of a Buffer shows the same bytes.) */
export const copyOf = (payload: Uint8Array): Uint8Array => new Uint8Array(payload);

export interface MemoryStreamOptions {
  readonly clock: Clock;
  readonly duplicateWindowMs: number;
  readonly maxBytes?: number;
  readonly discard?: StreamDescriptor["discard"];
  /** Only the newest message of a subject is kept. */
  readonly onePerSubject?: boolean;
}

export function memoryStream(options: MemoryStreamOptions): MemoryStream {
  const { clock, duplicateWindowMs } = options;
  const maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
  const kept = new Map<number, Kept>();
  const lastOf = new Map<string, number>();
  const ids = new Map<string, { readonly sequence: number; readonly at: number }>();
  const listeners = new Set<() => void>();
  let lastSequence = 0;
  let bytes = 0;

  const remove = (sequence: number) => {
    const message = kept.get(sequence);
    if (message === undefined) return;
    kept.delete(sequence);
    bytes -= message.payload.byteLength;
    if (lastOf.get(message.subject) !== sequence) return;
    const before = [...kept.values()].findLast((other) => other.subject === message.subject);
    if (before === undefined) lastOf.delete(message.subject);
    else lastOf.set(message.subject, before.sequence);
  };

  const makeRoom = (wantedBytes: number): boolean => {
    if (bytes + wantedBytes <= maxBytes) return true;
    if (options.discard !== "old") return false;
    for (const sequence of kept.keys()) {
      if (bytes + wantedBytes <= maxBytes) break;
      remove(sequence);
    }
    return true;
  };

  const duplicateOf = (id: string | undefined) => {
    const known = id === undefined ? undefined : ids.get(id);
    return known !== undefined && clock.now() - known.at < duplicateWindowMs ? known : undefined;
  };

  return {
    append(subject, payload, { id, expectedLast, headers = {} } = {}) {
      const known = duplicateOf(id);
      if (known !== undefined) {
        return { status: "stored", sequence: known.sequence, duplicate: true };
      }
      const before = lastOf.get(subject) ?? 0;
      if (expectedLast !== undefined && expectedLast !== before) {
        return { status: "conflict", lastSequence: before };
      }
      if (!makeRoom(payload.byteLength)) return { status: "full" };
      lastSequence += 1;
      const sequence = lastSequence;
      kept.set(sequence, {
        subject,
        sequence,
        storedAt: new Date(clock.now()),
        payload: copyOf(payload),
        headers: { ...headers },
        id,
      });
      bytes += payload.byteLength;
      lastOf.set(subject, sequence);
      if (id !== undefined) ids.set(id, { sequence, at: clock.now() });
      if (options.onePerSubject === true) remove(before);
      for (const call of [...listeners]) call();
      return { status: "stored", sequence, duplicate: false };
    },
    last: (subject) => kept.get(lastOf.get(subject) ?? 0),
    next(filters, from) {
      for (let sequence = Math.max(1, from); sequence <= lastSequence; sequence += 1) {
        const message = kept.get(sequence);
        if (message !== undefined && matchesAny(filters, message.subject)) return message;
      }
      return undefined;
    },
    get: (sequence) => kept.get(sequence),
    remove,
    get lastSequence() {
      return lastSequence;
    },
    get bytes() {
      return bytes;
    },
    all: () => [...kept.values()],
    damage(sequence, payload) {
      const message = kept.get(sequence);
      if (message !== undefined) kept.set(sequence, { ...message, payload });
    },
    onAppend(call) {
      listeners.add(call);
      return () => void listeners.delete(call);
    },
  };
}
