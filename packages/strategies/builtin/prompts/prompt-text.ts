/** The parts of a prompt, a blank line between them; what is undefined or blank is left out. */
export const promptText = (...parts: readonly (string | undefined)[]): string =>
  parts
    .flatMap((part) => (part === undefined || part.trim() === "" ? [] : [part.trim()]))
    .join("\n\n");

/**
 * Text of somebody else's between tags of ours. It cannot close the tag: what an agent wrote must not
 * read as our own words to the next one.
 */
export function section(tag: string, text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === "") return undefined;
  const held = text.trim().replaceAll(`</${tag}`, `<\\/${tag}`);
  return `<${tag}>\n${held}\n</${tag}>`;
}

/** What every prompt of a step can be given beside its inputs. */
export interface Wording {
  /** In place of the step's own voice. The task, the inputs and the output are said all the same. */
  readonly voice?: string | undefined;
  /** What was wrong with the answer before this one. */
  readonly correction?: string | undefined;
}

/** The last word of a prompt: where an answer is asked for again. */
export const correctionPart = (correction: string | undefined): string | undefined =>
  correction === undefined
    ? undefined
    : section(
        "correction",
        `This was asked before, and the answer could not be used: ${correction}\nMind this, and answer anew and in full.`,
      );
