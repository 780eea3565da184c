import { z } from "zod";
import { StopMode } from "./decisions.ts";
import { ErrorRecord } from "./errors.ts";
import { CurveKey } from "./fleet.ts";
import { GcReport } from "./gc.ts";
import { AttemptNumber, InstanceId, ProcessId, RunId } from "./ids.ts";
import { KeyPolicy, RunOverride, RunSpec } from "./run-spec.ts";
import { SealedSecrets } from "./secrets.ts";

const v = z.literal(1);

/** The answer to any request. The epoch tells whose reign it comes from; 0 from one that does not decide. */
export const reply = <T extends z.ZodType>(value: T) =>
  z.discriminatedUnion("ok", [
    z.object({ v, epoch: z.int().nonnegative(), ok: z.literal(true), value }),
    z.object({ v, epoch: z.int().nonnegative(), ok: z.literal(false), error: ErrorRecord }),
  ]);

/**
 * Every request, by verb: what is asked and what comes back. `submit`, `runner-secret`,
 * `coordinator-secrets` and `gc` go to `subjects.api`, `keys` to `subjects.apiKeys`, the rest to `subjects.apiRun`.
 */
export const api = {
  /** Accepted again for the same id and content; `run_conflict` for other content; `blob_missing`. */
  submit: {
    request: z.object({ v, spec: RunSpec, secrets: z.array(SealedSecrets).max(64) }),
    value: z.object({
      status: z.enum(["accepted", "known"]),
      /** Stream sequence of `run.submitted`. */
      sequence: z.int().positive(),
    }),
  },
  /** A runner asks for the secrets of an attempt it has claimed, sealed to the key it announced. */
  "runner-secret": {
    request: z.object({
      v,
      run: RunId,
      instance: InstanceId,
      attempt: AttemptNumber,
      runner: ProcessId,
    }),
    value: z.object({ secrets: SealedSecrets }),
  },
  /** A coordinator that stands by asks for the secrets of runs it may come to decide on. */
  "coordinator-secrets": {
    request: z.object({ v, coordinator: ProcessId, runs: z.array(RunId).min(1).max(64) }),
    /** Sealed to the key it announced; runs whose secrets are not held are left out. */
    value: z.object({
      held: z.array(z.object({ run: RunId, secrets: SealedSecrets })).max(64),
    }),
  },
  keys: {
    request: z.object({ v }),
    value: z.object({ curveKey: CurveKey }),
  },
  /** `interrupt` stops the run and keeps it resumable; `cancel` ends it. Answered once decided. */
  stop: {
    request: z.object({ v, mode: StopMode, by: z.string().max(200), reason: z.string().max(500) }),
    value: z.object({ status: z.enum(["stopping", "already-final"]) }),
  },
  resume: {
    request: z.object({
      v,
      by: z.string().max(200),
      fresh: z.boolean(),
      override: RunOverride.optional(),
      keyPolicy: KeyPolicy.optional(),
      secrets: z.array(SealedSecrets).max(64),
    }),
    value: z.object({ status: z.enum(["resumed", "running", "already-final"]) }),
  },
  /** What nobody owns, in the store and on every runner that answers; with `remove`, removed. */
  gc: {
    request: z.object({ v, remove: z.boolean() }),
    value: GcReport,
  },
  /** Hands the run's secrets to a coordinator that has none, or new ones. */
  secrets: {
    request: z.object({ v, secrets: z.array(SealedSecrets).min(1).max(64) }),
    value: z.object({ status: z.literal("held") }),
  },
} as const;

export type ApiVerb = keyof typeof api;
export type ApiRequest<V extends ApiVerb> = z.infer<(typeof api)[V]["request"]>;
export type ApiValue<V extends ApiVerb> = z.infer<(typeof api)[V]["value"]>;
