import { randomBytes } from "node:crypto";
import { instanceId, makeRunId, ProcessId } from "@pitaya/protocol";
import type { Bus } from "../bus.port.ts";

/** One server, real or not, as the contract's tests use it. */
export interface Harness {
  /** Connections are closed with the server. */
  connect(id: string): Promise<Bus>;
  /** Time in which an order that is not acknowledged is delivered again. */
  readonly ackWaitMs: number;
  /**
   * Makes sure that this much time passes for the server. Where time passes by itself it does
   * nothing: the test waits for what that time brings.
   */
  pass(ms: number): Promise<void>;
  stop(): Promise<void>;
}

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

/** Names that no other test of the same server uses. */
export const aRun = () => makeRunId(new Date(), hex(4));
export const anInstance = () => instanceId(hex(8), "s1", "key");
export const aProcess = (kind: string) => ProcessId.parse(`${kind}-${hex(4)}`);
export const anId = () => hex(8);

export const bytes = (text: string): Uint8Array => Buffer.from(text);
export const text = (payload: Uint8Array): string => Buffer.from(payload).toString();

/** The first items of an endless sequence, which is then ended. */
export async function first<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) {
    found.push(item);
    if (found.length === count) break;
  }
  return found;
}

export async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Collects the items of an endless sequence, and waits until they are as wanted. */
export interface Collected<T> {
  readonly items: readonly T[];
  until(wanted: (items: readonly T[]) => boolean): Promise<readonly T[]>;
}

export function collect<T>(source: AsyncIterable<T>): Collected<T> {
  const items: T[] = [];
  const waiting = new Set<() => void>();
  let failure: unknown;
  void (async () => {
    try {
      for await (const item of source) {
        items.push(item);
        for (const look of [...waiting]) look();
      }
    } catch (error) {
      failure = error;
      for (const look of [...waiting]) look();
    }
  })();
  return {
    items,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (failure !== undefined) reject(failure);
          else if (wanted(items)) resolve(items);
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
  };
}
