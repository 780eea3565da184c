import { type Answer, answered, unusable } from "../answers/answer.ts";
import { objectIn } from "../answers/json-in-text.rules.ts";
import type { Finding } from "./findings.rules.ts";

/** What a composer makes of the findings. */
export interface Composition {
  readonly intro: string;
  readonly selectedIds: readonly string[];
}

const MAX_INTRO = 2_000;

/** The last JSON object with `selected_ids`, all of which must be findings there are. */
export function parseComposition(
  answer: string,
  findings: readonly Finding[],
): Answer<Composition> {
  const object = objectIn(answer, ["selected_ids"]);
  if (!object.ok) return object;
  const { intro, selected_ids: ids } = object.value;
  if (typeof intro !== "string" || intro.trim() === "") return unusable('"intro" is not a text');
  if (!Array.isArray(ids)) return unusable('"selected_ids" is not a list');
  const known = new Set(findings.map(({ uid }) => uid));
  if (!ids.every((id) => typeof id === "string" && known.has(id))) {
    return unusable('"selected_ids" names findings that were not given');
  }
  return answered({
    intro: intro.trim().slice(0, MAX_INTRO).toWellFormed(),
    selectedIds: [...new Set<string>(ids)],
  });
}

/** The findings shown: those the composer selected, and every one that fails the review. */
export function shownFindings(
  findings: readonly Finding[],
  selectedIds: readonly string[],
  blocking: readonly Finding[],
): readonly Finding[] {
  const shown = new Set([...selectedIds, ...blocking.map(({ uid }) => uid)]);
  return findings.filter(({ uid }) => shown.has(uid));
}
