import type { BlobRef, BundleRef, SessionSnapshot, Text } from "@pitaya/protocol";
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
      for (const bundle of entry.spec.base.bundles) yield ["the run's base", bundle.blob];
    } else if (entry.type === "instance.scheduled") {
      yield* ofText(`the prompt of ${entry.key}`, entry.task.prompt);
      for (const bundle of entry.task.base.bundles) yield [`the base of ${entry.key}`, bundle.blob];
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
  else yield* ofText(`the final message of ${attempt}`, fact.finalMessage);
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
