import type { Clock } from "@pitaya/actors";
import { answer, type Bus, decode } from "@pitaya/bus";
import {
  type ApiRequest,
  type BlobRef,
  type BranchSource,
  buckets,
  CoordinatorEntry,
  credentialsOf,
  type DecisionMessage,
  PitayaError,
  type RunOverride,
  type RunSpec,
  subjects,
  type Text,
} from "@pitaya/protocol";
import { mergedOverride, overriddenSpec, overriddenTask } from "@pitaya/views";
import type { Logger } from "pino";
import type { SecretHolder } from "./adapters/secret-holder.ts";
import { liveAttempts } from "./demand.ts";
import { turnMessage } from "./domain/turn-message.ts";
import { encodeDecision } from "./encode-decision.ts";
import { isFinalRun } from "./fold/folded-run.ts";
import { serveGc } from "./gc/serve-gc.ts";
import type { Reign } from "./reign.port.ts";
import type { RunEntry } from "./run-entry.ts";

export interface ApiOptions {
  readonly bus: Bus;
  readonly reign: Reign;
  readonly secrets: SecretHolder;
  readonly coordinator: DecisionMessage["coordinator"];
  readonly log: Logger;
  readonly clock: Clock;
  now(): Date;
  /** Refuses a spec that could never run: unknown strategy, parameter or plugin. @throws `usage` */
  check(spec: RunSpec): void;
}

/** Live runs must be able to finish: new ones are refused from this share of the stream's bytes on. */
const MAX_FILL = 0.8;

/** How long a request waits for an event that is on its way. */
const SEEN_TIMEOUT_MS = 10_000;

/** Answers requests while this coordinator decides. @returns a function that stops it */
export function serveApi(options: ApiOptions): () => Promise<void> {
  const { bus, reign, secrets } = options;
  const about = {
    epoch: () => reign.epoch,
    refused: (subject: string, error: unknown) => options.log.info({ subject, error }, "refused"),
  };
  const runOf = (subject: string) => subjects.apiRun.parse(subject)?.run ?? "";

  async function known(run: string): Promise<RunEntry> {
    const entry = await reign.find(run);
    if (entry?.actors) return entry;
    const hint = "pitaya runs lists those that are known";
    throw new PitayaError("unknown_run", `there is no run ${run}`, { hint });
  }

  async function submit({ spec, secrets: boxes }: ApiRequest<"submit">) {
    const before = await reign.find(spec.run);
    if (before) return resubmitted(spec, before, boxes);
    options.check(spec);
    await checkRoom(bus);
    await checkBlobs(bus, spec);
    secrets.take(spec.run, boxes);
    const place = { run: spec.run, epoch: reign.epoch, coordinator: options.coordinator };
    const chain = { lastSequence: 0, epoch: 0, n: 0 };
    const turn = turnMessage({ ...place, now: options.now(), chain }, [
      { type: "run.submitted", spec },
    ]);
    const result = await bus.events.append(subjects.decision.of({ run: spec.run }), {
      id: turn.id,
      payload: encodeDecision(turn.message),
      expectedLast: 0,
    });
    if (result.status === "conflict") {
      await reign.until(() => reign.has(spec.run), spec.run, SEEN_TIMEOUT_MS);
      return resubmitted(spec, await known(spec.run), boxes);
    }
    return { status: "accepted" as const, sequence: result.sequence };
  }

  /** The same run again, by a cli that did not hear the first answer. */
  function resubmitted(
    spec: RunSpec,
    { fold, log }: RunEntry,
    boxes: ApiRequest<"submit">["secrets"],
  ) {
    if (JSON.stringify(fold.view.spec) !== JSON.stringify(spec)) {
      throw new PitayaError("run_conflict", `${spec.run} is another run already`);
    }
    secrets.take(spec.run, boxes);
    reign.wake(spec.run);
    return { status: "known" as const, sequence: Math.max(1, log.lastSequence) };
  }

  async function runnerSecret(request: ApiRequest<"runner-secret">) {
    const { run, instance, attempt, runner } = request;
    const { actors, log } = await known(run);
    const claimed = () => (log.chainOf(instance, attempt)?.lastSequence ?? 0) > 0;
    await reign.until(claimed, `the claim of ${instance}.${attempt}`, SEEN_TIMEOUT_MS);
    const chain = log.chainOf(instance, attempt);
    const key = reign.curveKeyOf(runner);
    if (chain?.runner !== runner || chain.ended !== undefined || !actors) {
      const message = `runner ${runner} has no live claim on attempt ${attempt} of ${instance}`;
      throw new PitayaError("permission_denied", message);
    }
    if (key === undefined) {
      // Who has only begun to decide reads the log and the runners' keys at the same time.
      const message = `the key of runner ${runner} is not known here yet`;
      throw new PitayaError("credentials_missing", message, { retryable: true });
    }
    const scheduled = actors.instance(instance)?.context.scheduled.task;
    const task = scheduled && overriddenTask(scheduled, actors.override);
    return { secrets: secrets.sealTo(key, run, task?.agent.credentials ?? []) };
  }

  /** To the key that its own process announced: nobody else may write there. */
  async function coordinatorSecrets({ coordinator, runs }: ApiRequest<"coordinator-secrets">) {
    const entry = await bus.bucket(buckets.coordinators).get(coordinator);
    if (entry === undefined) {
      throw new PitayaError(
        "permission_denied",
        `no coordinator ${coordinator} has announced itself`,
      );
    }
    const { curveKey } = decode(CoordinatorEntry, entry.value, "The coordinator's entry");
    const entries = await Promise.all(runs.map((run) => reign.find(run)));
    const held = entries.flatMap((each) => {
      const spec = each?.actors?.spec;
      const names = spec ? credentialsOf(spec) : [];
      if (spec === undefined || !secrets.holds(spec.run, names)) return [];
      return [{ run: spec.run, secrets: secrets.sealTo(curveKey, spec.run, names) }];
    });
    return { held };
  }

  async function stop(
    subject: string,
    request: ApiRequest<"stop">,
  ): Promise<{ status: "stopping" | "already-final" }> {
    const entry = await known(runOf(subject));
    const phase = entry.actors?.phase;
    if (isFinalRun(entry) || (phase === "interrupted" && request.mode === "interrupt")) {
      return { status: "already-final" };
    }
    const { mode, by, reason } = request;
    if (phase === "finalizing" || entry.actors?.stopping === mode) return { status: "stopping" };
    const decided = await reign.ask(entry, [
      phase === "interrupted"
        ? { type: "run.cancelled" }
        : { type: "run.stopping", mode, by, reason },
    ]);
    // The run has moved on since: what there is to be said of it now?
    return decided ? { status: "stopping" } : stop(subject, request);
  }

  async function resume(
    subject: string,
    request: ApiRequest<"resume">,
  ): Promise<{ status: "resumed" | "running" | "already-final" }> {
    const entry = await known(runOf(subject));
    const { by, fresh, override, keyPolicy } = request;
    if (entry.actors?.stopping === "interrupt" && !override) await interrupted(entry);
    if (isFinalRun(entry)) return { status: "already-final" };
    secrets.take(entry.run, request.secrets);
    if (override) checkOverride(entry, override);
    if (entry.actors?.phase !== "interrupted") {
      if (!override || isLaid(entry, override)) {
        reign.wake(entry.run);
        return { status: "running" };
      }
      await interruptAtRest(entry, by);
    }
    if (keyPolicy !== "suffix") await reign.checkReplay(entry);
    const changes = { ...(override && { override }), ...(keyPolicy && { keyPolicy }) };
    const decided = await reign.ask(entry, [{ type: "run.resumed", by, fresh, ...changes }]);
    return decided ? { status: "resumed" } : resume(subject, request);
  }

  function checkOverride({ run, actors }: RunEntry, override: RunOverride): void {
    if (actors) options.check(overriddenSpec(actors.spec, override));
    const { credentials } = override;
    if (credentials === undefined || secrets.holds(run, credentials)) return;
    const message = `${run} is to go on with ${credentials.join(", ")}, which was not brought`;
    throw new PitayaError("credentials_missing", message);
  }

  /** As when it is asked for again, by a cli that did not hear the first answer. */
  function isLaid({ actors }: RunEntry, override: RunOverride): boolean {
    const before = actors?.override ?? {};
    return JSON.stringify(mergedOverride(before, override)) === JSON.stringify(before);
  }

  /** Settings are laid over a run between two of its lives: one that only waits begins a new one. */
  async function interruptAtRest(entry: RunEntry, by: string): Promise<void> {
    const { actors } = entry;
    if (liveAttempts(entry) + (actors?.inState("settling").size ?? 0) > 0 || actors?.stopping) {
      throw new PitayaError("usage", `${entry.run} is at work: its settings stay as they are`, {
        hint: "they can be changed while nothing of it runs, as after an interruption",
      });
    }
    const reason = "its settings are changed";
    await reign.ask(entry, [{ type: "run.stopping", mode: "interrupt", by, reason }]);
    await interrupted(entry);
  }

  /** Whoever asks may have seen in the log what has not come here yet. */
  async function interrupted(entry: RunEntry): Promise<void> {
    const isThere = () => entry.actors?.phase === "interrupted" || isFinalRun(entry);
    await reign.until(isThere, `the interruption of ${entry.run}`, SEEN_TIMEOUT_MS);
  }

  const perRun = (verb: string) => [subjects.apiRun.filter({ verb })];
  const stops = [
    answer(bus, "submit", [subjects.api.of({ verb: "submit" })], about, submit),
    answer(bus, "runner-secret", [subjects.api.of({ verb: "runner-secret" })], about, runnerSecret),
    answer(
      bus,
      "coordinator-secrets",
      [subjects.api.of({ verb: "coordinator-secrets" })],
      about,
      coordinatorSecrets,
    ),
    answer(bus, "stop", perRun("stop"), about, (request, subject) => stop(subject, request)),
    answer(bus, "resume", perRun("resume"), about, (request, subject) => resume(subject, request)),
    answer(bus, "secrets", perRun("secrets"), about, async (request, subject) => {
      const entry = await known(runOf(subject));
      secrets.take(entry.run, request.secrets);
      reign.wake(entry.run);
      return { status: "held" as const };
    }),
    serveGc({ bus, clock: options.clock, log: options.log, epoch: reign.epoch }),
  ];
  return async () => {
    await Promise.all(stops.map((end) => end()));
  };
}

async function checkRoom(bus: Bus): Promise<void> {
  const { fill } = await bus.events.state();
  if (fill < MAX_FILL) return;
  const message = `the event log is ${Math.round(fill * 100)} % full; new runs are refused so that live ones can finish`;
  throw new PitayaError("store_full", message, { hint: "remove old runs: pitaya prune" });
}

/** Every blob the spec names, parents included, must be there whole before the run is accepted. */
async function checkBlobs(bus: Bus, spec: RunSpec): Promise<void> {
  const code = spec.strategy.code === undefined ? [] : [spec.strategy.code.blob];
  const sources = [spec.base, ...(spec.branches ?? [])].flatMap(bundlesOf);
  const files = (spec.files ?? []).map(({ blob }) => blob);
  for (const ref of [...blobsOf(spec.prompt), ...sources, ...files, ...code]) {
    if (await bus.blobs.has(ref)) continue;
    throw new PitayaError(
      "blob_missing",
      `blob ${ref.sha256.slice(0, 12)} of ${spec.run} is not in the store`,
      {
        details: { sha256: ref.sha256 },
      },
    );
  }
}

const blobsOf = (text: Text): BlobRef[] => ("blob" in text ? [text.blob] : []);
const bundlesOf = (source: BranchSource): BlobRef[] => source.bundles.map(({ blob }) => blob);
