import type {
  BlobRef,
  BranchSource,
  BundleRef,
  SessionSnapshot,
  TaskSpec,
  Text,
} from "@pitaya/protocol";
import type { LogEvent } from "../run-log.ts";

/** A blob that something which counts cannot do without. */
export interface NamedBlob {
  readonly blob: BlobRef;
  /** For a person: whose, and what it is. */
  readonly what: string;
  readonly sequence: number;
}

/** The blobs that an event names. */
export function* blobsNamedBy(event: LogEvent): Generator<NamedBlob> {
  const { sequence } = event.place;
  for (const [what, blob] of named(event)) yield { blob, what, sequence };
}

type Named = readonly [what: string, blob: BlobRef];

function* named(event: LogEvent): Generator<Named> {
  if (event.kind === "decision") {
    const { entry } = event;
    if (entry.type === "run.submitted") {
      yield* ofText("the run's prompt", entry.spec.prompt);
      yield* ofSource("the run's base", entry.spec.base);
      for (const source of entry.spec.branches ?? []) yield* ofSource(source.branch, source);
      for (const { name, blob } of entry.spec.files ?? []) yield [`the file ${name}`, blob];
      if (entry.spec.strategy.code) yield ["the strategy's code", entry.spec.strategy.code.blob];
    } else if (entry.type === "instance.scheduled") {
      yield* ofTask(entry.key, entry.task);
    } else if (entry.type === "strategy.completed") {
      for (const { path, text } of entry.outcome.files ?? []) yield* ofText(path, text);
    }
    return;
  }
  if (event.kind !== "fact") return;
  const { fact } = event;
  const attempt = `attempt ${event.attempt} of ${event.instance}`;
  if (fact.type === "attempt.snapshot") yield* ofSnapshot(attempt, fact.snapshot);
  if (fact.type !== "attempt.succeeded" && fact.type !== "attempt.failed") return;
  yield* ofBundle(`the work of ${attempt}`, fact.bundle);
  if (fact.patch) yield [`the uncommitted changes of ${attempt}`, fact.patch];
  if (fact.type === "attempt.failed") yield* ofSnapshot(attempt, fact.snapshot);
  else {
    yield* ofText(`the final message of ${attempt}`, fact.finalMessage);
    yield* ofText(`the output of ${attempt}`, fact.output);
    yield* ofText(`what ${attempt} read`, fact.read?.text);
    if (fact.session) yield [`the session kept of ${attempt}`, fact.session.session];
  }
}

function* ofTask(key: string, task: TaskSpec): Generator<Named> {
  yield* ofText(`the prompt of ${key}`, task.prompt);
  yield* ofText(`the system prompt of ${key}`, task.systemPrompt);
  yield* ofText(`what is added to the system prompt of ${key}`, task.appendSystemPrompt);
  yield* ofText(`the output schema of ${key}`, task.outputSchema);
  yield* ofSource(`the base of ${key}`, task.base);
  for (const source of task.includes ?? []) yield* ofSource(`${source.branch} for ${key}`, source);
  for (const { path, blob } of task.verify?.files ?? []) yield [`${path} for ${key}`, blob];
  if (task.session?.from) yield [`the session before ${key}`, task.session.from.session];
}

function* ofSource(what: string, { bundles }: BranchSource): Generator<Named> {
  for (const { blob } of bundles) yield [what, blob];
}

function* ofText(what: string, text: Text | undefined): Generator<Named> {
  if (text && "blob" in text) yield [what, text.blob];
}

function* ofBundle(what: string, bundle: BundleRef | undefined): Generator<Named> {
  if (bundle) yield [what, bundle.blob];
}

function* ofSnapshot(attempt: string, snapshot: SessionSnapshot | undefined): Generator<Named> {
  if (snapshot === undefined) return;
  yield [`the session of ${attempt}`, snapshot.session];
  yield* ofBundle(`the snapshot of ${attempt}`, snapshot.bundle);
  if (snapshot.patch) yield [`the snapshot's patch of ${attempt}`, snapshot.patch];
}
