import { answer, type Bus, encode, sealer } from "@pitaya/bus";
import type { MemoryBroker } from "@pitaya/bus/testing";
import {
  type ApiRequest,
  buckets,
  CoordinatorEntry,
  type ErrorRecord,
  errorFromRecord,
  type Fact,
  InstanceId,
  ProcessId,
  type RunId,
  type RunSpec,
  type SealMessage,
  subjects,
} from "@pitaya/protocol";
import { runLog, runView } from "@pitaya/views";
import {
  type DecisionDraft,
  type Draft,
  type LogComposer,
  logComposer,
  outcome,
  placed,
  scheduled,
} from "@pitaya/views/testing";

/** A run in the hands of a test: it writes the log that coordinator and runner would. */
export interface PlayedRun {
  readonly spec: RunSpec;
  readonly interrupted: boolean;
  decide(...entries: readonly DecisionDraft[]): Promise<void>;
  fact(key: string, fact: Fact, attempt?: number): Promise<void>;
  seal(key: string, attempt: number, reason: SealMessage["reason"]): Promise<void>;
  instance(key: string): InstanceId;
  /** From the queue to the agent at work. */
  starts(key: string, attempt?: number): Promise<void>;
  /** The attempt ends with this fact, and the instance with it. */
  succeeds(key: string, fact: Extract<Fact, { type: "attempt.succeeded" }>): Promise<void>;
  fails(key: string, fact: Extract<Fact, { type: "attempt.failed" }>): Promise<void>;
  /** The strategy execution and the run end. */
  ends(status: "succeeded" | "failed", error?: ErrorRecord): Promise<void>;
  interrupts(keys: readonly string[]): Promise<void>;
}

export interface StandInCoordinator {
  readonly id: string;
  readonly bus: Bus;
  /** Submits seen, accepted or not. */
  readonly submits: readonly ApiRequest<"submit">[];
  readonly stops: readonly ApiRequest<"stop">[];
  readonly resumes: readonly ApiRequest<"resume">[];
  /** What was sealed to it and could be opened, by run. */
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** The next submits are refused with this. */
  refuse(error: ErrorRecord, times: number): void;
  /** Resolves with the next run that is accepted. */
  submitted(): Promise<PlayedRun>;
  /** Resolves when this much has been asked. */
  stopped(): Promise<ApiRequest<"stop">>;
  resumed(): Promise<PlayedRun>;
  /** Resolves when credentials were handed over after the submit. */
  handedOver(): Promise<void>;
  secretsHeld(run: string): Promise<Readonly<Record<string, string>>>;
  leave(): Promise<void>;
}

/** Waits for values that come by: each is taken once. */
function arrivals<T>() {
  const values: T[] = [];
  const waiting: ((value: T) => void)[] = [];
  return {
    put(value: T) {
      const next = waiting.shift();
      if (next) next(value);
      else values.push(value);
    },
    take: (): Promise<T> =>
      new Promise((resolve) => {
        const value = values.shift();
        if (value === undefined) waiting.push(resolve);
        else resolve(value);
      }),
  };
}

/** Answers the requests of a cli, and has the test write what follows. */
export async function standInCoordinator(
  broker: MemoryBroker,
  id = "coordinator-1",
): Promise<StandInCoordinator> {
  const bus = broker.connect(id);
  const keys = sealer();
  const submits: ApiRequest<"submit">[] = [];
  const stops: ApiRequest<"stop">[] = [];
  const resumes: ApiRequest<"resume">[] = [];
  const held = new Map<string, Record<string, string>>();
  const runs = new Map<string, PlayedRun>();
  const refusals: ErrorRecord[] = [];
  const accepted = arrivals<PlayedRun>();
  const stopAsked = arrivals<ApiRequest<"stop">>();
  const resumedRuns = arrivals<PlayedRun>();
  const handed = arrivals<string>();
  const handOvers = arrivals<true>();

  await bus.bucket(buckets.coordinators).put(
    id,
    encode(CoordinatorEntry, {
      v: 1,
      coordinator: ProcessId.parse(id),
      curveKey: keys.publicKey,
      version: "0.1.0",
    }),
  );

  const take = (run: string, boxes: ApiRequest<"submit">["secrets"]) => {
    for (const box of boxes) {
      if (box.to !== keys.publicKey) continue;
      held.set(run, keys.open(box, run).values);
      handed.put(run);
    }
  };
  const runOf = (subject: string) => subjects.apiRun.parse(subject)?.run ?? "";
  const about = { epoch: () => 1 };
  const perRun = (verb: string) => [subjects.apiRun.filter({ verb })];

  const ends = [
    answer(bus, "submit", [subjects.api.of({ verb: "submit" })], about, async (request) => {
      submits.push(request);
      const refusal = refusals.shift();
      if (refusal) throw errorFromRecord(refusal);
      take(request.spec.run, request.secrets);
      if (runs.has(request.spec.run)) return { status: "known", sequence: 1 };
      const run = playedRun(bus, request.spec);
      runs.set(request.spec.run, run);
      await run.decide({ type: "run.submitted", spec: request.spec });
      accepted.put(run);
      return { status: "accepted", sequence: 1 };
    }),
    answer(bus, "stop", perRun("stop"), about, async (request) => {
      stops.push(request);
      stopAsked.put(request);
      return { status: "stopping" };
    }),
    answer(bus, "resume", perRun("resume"), about, async (request, subject) => {
      resumes.push(request);
      take(runOf(subject), request.secrets);
      const run = runs.get(runOf(subject));
      if (!run) return { status: "already-final" };
      if (!run.interrupted) return { status: "running" };
      const { by, fresh, override, keyPolicy } = request;
      const changes = { ...(override && { override }), ...(keyPolicy && { keyPolicy }) };
      await run.decide({ type: "run.resumed", by, fresh, ...changes });
      resumedRuns.put(run);
      const refusal = refusals.shift();
      if (refusal) throw errorFromRecord(refusal);
      return { status: "resumed" };
    }),
    answer(bus, "secrets", perRun("secrets"), about, async (request, subject) => {
      take(runOf(subject), request.secrets);
      handOvers.put(true);
      return { status: "held" };
    }),
  ];

  return {
    id,
    bus,
    submits,
    stops,
    resumes,
    secrets: held,
    refuse: (error, times) => refusals.push(...Array.from({ length: times }, () => error)),
    submitted: accepted.take,
    stopped: stopAsked.take,
    resumed: resumedRuns.take,
    handedOver: async () => void (await handOvers.take()),
    async secretsHeld(run) {
      for (;;) {
        const values = held.get(run);
        if (values) return values;
        await handed.take();
      }
    },
    async leave() {
      await Promise.all(ends.map((end) => end()));
      await bus.bucket(buckets.coordinators).delete(id);
    },
  };
}

/** A run whose log the test writes. Chains, ids and versions come out right by themselves. */
export function playedRun(bus: Bus, spec: RunSpec): PlayedRun {
  const composer: LogComposer = logComposer(spec.run);
  const log = runLog();
  const fold = runView();
  const last = new Map<string, number>();

  async function store(draft: Draft): Promise<void> {
    const { subject, id, payload } = draft;
    const result = await bus.events.append(subject, {
      id,
      payload,
      expectedLast: last.get(subject) ?? 0,
    });
    if (result.status === "conflict") throw new Error(`somebody else wrote to ${subject}`);
    last.set(subject, result.sequence);
    const message = composer.stored(draft, result.sequence, new Date(0));
    for (const event of log.admit(message)) fold.apply(event);
  }

  const instance = (key: string) => scheduled(spec, key).instance;
  const decide: PlayedRun["decide"] = (...entries) => store(composer.decide(...entries));
  const fact: PlayedRun["fact"] = (key, what, attempt = 1) =>
    store(composer.fact(instance(key), attempt, what));

  return {
    spec,
    get interrupted() {
      return fold.view.phase === "interrupted";
    },
    decide,
    fact,
    instance,
    seal: (key, attempt, reason) => store(composer.seal(instance(key), attempt, reason)),
    async starts(key, attempt = 1) {
      const execution = scheduled(spec, key).execution;
      if (!fold.view.executions.has(execution)) {
        await decide({ type: "strategy.started", execution });
      }
      if (!fold.view.instances.has(instance(key))) await decide(scheduled(spec, key));
      await decide(placed(spec, key, attempt));
      await fact(key, { type: "attempt.claimed" }, attempt);
      for (const phase of ["fetching", "preparing", "running"] as const) {
        await fact(key, { type: "attempt.entered", phase }, attempt);
      }
      const container = `pitaya-${instance(key)}-${attempt}`;
      await fact(key, { type: "attempt.started", container, imageId: "sha256:1" }, attempt);
    },
    async succeeds(key, what) {
      const attempt = fold.view.instances.get(instance(key))?.attempts.length ?? 1;
      await fact(key, what, attempt);
      await decide({ type: "instance.succeeded", instance: instance(key), attempt });
    },
    async fails(key, what) {
      const attempt = fold.view.instances.get(instance(key))?.attempts.length ?? 1;
      await fact(key, what, attempt);
      await decide({ type: "instance.failed", instance: instance(key), error: what.error });
    },
    async ends(status, error) {
      const instances = [...fold.view.instances.keys()].map((id) => InstanceId.parse(id));
      await decide({
        type: "strategy.completed",
        execution: scheduled(spec, "main").execution,
        outcome: outcome(status, instances),
        ...(error === undefined ? {} : { error }),
      });
      const code = error ?? { code: "strategy_failed", message: "failed", retryable: false };
      await decide(
        { type: "run.finalizing" },
        status === "succeeded" ? { type: "run.succeeded" } : { type: "run.failed", error: code },
      );
    },
    async interrupts(keys) {
      for (const key of keys) {
        await decide({ type: "instance.interrupted", instance: instance(key) });
      }
      await decide({ type: "run.interrupted", reason: "interrupted from the terminal" });
    },
  };
}

export type { RunId };
