import { PitayaError } from "@pitaya/protocol";
import type { DecisionWriter } from "./decision-writer.ts";
import { isTimely } from "./domain/asked.rules.ts";
import type { Reign } from "./reign.port.ts";
import type { Asked, RunEntry } from "./run-entry.ts";

/** Decisions that somebody outside asks for, each between two turns of its run. */
export interface AskedDecisions {
  readonly ask: Reign["ask"];
  /**
   * Stores what was asked for first.
   * @returns false where nothing is asked for, or what is means nothing any more: look again
   */
  answerFirst(entry: RunEntry, isOwned: boolean): Promise<boolean>;
  /** Whoever still waits is told that this coordinator no longer decides. */
  close(): void;
}

export function askedDecisions(options: {
  readonly append: DecisionWriter["append"];
  /** Does the work in turn, while the reign lasts. */
  post(work: () => Promise<void>): void;
  look(entry: RunEntry): Promise<void>;
}): AskedDecisions {
  const waiting = new Set<Asked>();
  let isOver = false;
  const gone = () => new PitayaError("no_coordinator", "this coordinator no longer decides");

  async function answerFirst(entry: RunEntry, isOwned: boolean): Promise<boolean> {
    const [asked] = entry.asked;
    const { actors } = entry;
    if (asked === undefined || actors === undefined) return false;
    if (!asked.entries.every((each) => isTimely(each, actors))) {
      entry.asked.shift();
      asked.done(false);
      return answerFirst(entry, isOwned);
    }
    const owner = isOwned ? [] : [{ type: "owner.changed" } as const];
    try {
      // Not stored, it is published again once the decision in the way is folded.
      if (!(await options.append(entry, [...owner, ...asked.entries]))) return true;
      entry.asked.shift();
      asked.done(true);
    } catch (error) {
      entry.asked.shift();
      asked.failed(error);
    }
    return true;
  }

  return {
    ask: (entry, entries) =>
      new Promise((resolve, reject) => {
        if (isOver) return reject(gone());
        const asked: Asked = {
          entries,
          done(isStored) {
            waiting.delete(asked);
            resolve(isStored);
          },
          failed(error) {
            waiting.delete(asked);
            reject(error);
          },
        };
        waiting.add(asked);
        options.post(async () => {
          entry.asked.push(asked);
          await options.look(entry);
        });
      }),

    answerFirst,

    close() {
      isOver = true;
      for (const asked of [...waiting]) asked.failed(gone());
    },
  };
}
