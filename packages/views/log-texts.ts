import { type Text, textExcerpt } from "@pitaya/protocol";
import type { LogEvent } from "./run-log.ts";

/** Gives the whole of a text. Pure: what lies in a blob was loaded before. */
export type TextSource = (text: Text) => string;

/** Where nothing was loaded: the beginning, as the message itself has it. */
export const excerptsOnly: TextSource = textExcerpt;

/** The texts that what is projected from an event shows whole. */
export function textsIn(event: LogEvent): readonly Text[] {
  if (event.kind === "decision" && event.entry.type === "run.submitted") {
    return [event.entry.spec.prompt];
  }
  if (event.kind === "decision" && event.entry.type === "strategy.completed") {
    return (event.entry.outcome.files ?? []).map(({ text }) => text);
  }
  if (event.kind === "fact" && event.fact.type === "attempt.succeeded") {
    return event.fact.finalMessage === undefined ? [] : [event.fact.finalMessage];
  }
  return [];
}
