import type { MessagePort } from "node:worker_threads";
import { ErrorRecord } from "@pitaya/protocol";
import { z } from "zod";
import type { IsolateLimits } from "./limits.ts";
import { ExportedStrategy, OtherExport, ReadParams, type Reply } from "./realm.ts";
import type { StrategyBundle } from "./strategy-bundle.ts";

/** What the worker is told. It answers each with one `done`, when the code stands still again. */
export type ToWorker =
  | { readonly type: "check"; readonly index: number; readonly params: unknown }
  | { readonly type: "turn" }
  | { readonly type: "execute"; readonly index: number; readonly given: unknown }
  | {
      readonly type: "settle";
      readonly promise: number;
      readonly reply: Exclude<Reply, { promise: number }>;
    };

/** What the worker begins with. Nothing else is in it: no environment, no arguments, no input. */
export interface WorkerStart {
  readonly bundle: StrategyBundle;
  readonly limits: IsolateLimits;
  readonly methods: readonly string[];
  readonly loadedAt: number;
  /** Answers to its calls come here… */
  readonly replies: MessagePort;
  /** …and one, notified, is how it learns of each. */
  readonly answered: SharedArrayBuffer;
}

/** What the worker says. It is read as what a stranger says. */
export const FromWorker = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("loaded"),
    strategies: z.array(ExportedStrategy),
    others: z.array(OtherExport),
  }),
  z.strictObject({
    type: z.literal("done"),
    read: ReadParams.optional(),
  }),
  /** The code is never run again. */
  z.strictObject({ type: z.literal("over"), error: ErrorRecord }),
  /** It waits for the answer, and does nothing else meanwhile. */
  z.strictObject({ type: z.literal("call"), name: z.string(), args: z.array(z.json()) }),
  z.strictObject({ type: z.literal("log"), line: z.string() }),
  z.strictObject({ type: z.literal("ended"), outcome: z.json().optional() }),
  z.strictObject({ type: z.literal("threw"), id: z.int().nonnegative() }),
  z.strictObject({ type: z.literal("failed"), error: ErrorRecord }),
]);
export type FromWorker = z.infer<typeof FromWorker>;
