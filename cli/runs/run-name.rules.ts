import { PitayaError, RunId } from "@pitaya/protocol";

/** Names to list in a message. */
const SHOWN = 5;

/**
 * The run that a person means: its id, a beginning of it that no other has, or `@last`.
 *
 * @param known ids, newest first
 * @throws {PitayaError} `unknown_run`; `usage` for a name that several have
 */
export function runNamed(name: string, known: readonly string[]): string {
  if (name === "@last") {
    const [last] = known;
    if (last !== undefined) return last;
    throw new PitayaError("unknown_run", "there is no run yet", {
      hint: 'Start one: pitaya "<prompt>".',
    });
  }
  const candidates = known.filter((run) => run.startsWith(name));
  const [only, second] = candidates;
  if (known.includes(name) || (only !== undefined && second === undefined)) return only ?? name;
  if (second !== undefined) {
    const some = candidates.slice(0, SHOWN).join(", ");
    const more = candidates.length > SHOWN ? ` and ${candidates.length - SHOWN} more` : "";
    throw new PitayaError("usage", `${name} can mean ${some}${more}`, {
      hint: "Give more of the id.",
    });
  }
  // A run that was just submitted may not be listed yet; its log knows.
  if (RunId.safeParse(name).success) return name;
  throw unknownRun(name);
}

export const unknownRun = (run: string) =>
  new PitayaError("unknown_run", `there is no run ${run}`, {
    hint: "`pitaya runs` lists those that are known.",
  });
