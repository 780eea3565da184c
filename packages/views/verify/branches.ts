import type { LogEvent } from "../run-log.ts";
import type { RunView } from "../run-view.ts";
import type { Violation } from "./violation.ts";

/** A branch that a cli says it brought in. */
export interface ImportedBranch {
  readonly instance: string;
  readonly ref: string;
  readonly commit: string;
  readonly sequence: number;
}

export const importOf = (event: LogEvent): ImportedBranch | undefined =>
  event.kind === "note" && event.note.type === "branch.imported"
    ? { ...event.note, sequence: event.place.sequence }
    : undefined;

/** What was made is in its bundle, and what was imported is what was made. */
export function* branchCheck(event: LogEvent, view: RunView): Generator<Violation> {
  const { sequence } = event.place;
  if (event.kind === "fact" && "work" in event.fact) {
    const { work, bundle } = event.fact;
    if (work && bundle && work.commit !== bundle.tip) {
      const message = `attempt ${event.attempt} of ${event.instance} made ${work.commit}, and its bundle holds ${bundle.tip}`;
      yield { rule: "branch", sequence, message };
    }
  }
  const imported = importOf(event);
  if (imported === undefined) return;
  const row = view.instances.get(imported.instance);
  const ends = (row?.attempts ?? []).flatMap(({ end }) =>
    end && end.type !== "sealed" ? [end] : [],
  );
  const isWork = ends.some(({ work }) => work?.commit === imported.commit);
  // A commit made of uncommitted changes is made where it is imported: the log does not know it.
  const mayBePatch = ends.some(({ patch }) => patch !== undefined);
  if (isWork || mayBePatch) return;
  const message = `${imported.ref} was imported at ${imported.commit}, which no attempt of ${imported.instance} made`;
  yield { rule: "branch", sequence, message };
}
