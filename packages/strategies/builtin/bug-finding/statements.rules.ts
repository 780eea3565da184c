/**
 * A line of its own by which an agent says that there is nothing: `NO BUG FOUND`, or
 * `NOT CONFIRMED: <reason>`. Marks of emphasis, lists and quotes around it do not matter.
 *
 * @returns the reason, empty where none is given; `undefined` when the line is not there
 */
export function statementIn(text: string, statement: string): string | undefined {
  for (const line of text.split("\n")) {
    const bare = line.replaceAll(/^[\s>*_`#-]+|[\s*_`]+$/g, "");
    if (!bare.toUpperCase().startsWith(statement)) continue;
    const rest = bare.slice(statement.length);
    if (/^[.!]?$/.test(rest)) return "";
    const reason = /^[*_`]*\s*[:—–-]\s*(.*)$/.exec(rest)?.[1];
    if (reason !== undefined)
      return reason
        .replaceAll(/^[\s*_`]+/g, "")
        .slice(0, 500)
        .toWellFormed();
  }
  return undefined;
}

export const NO_BUG_FOUND = "NO BUG FOUND";
export const NOT_CONFIRMED = "NOT CONFIRMED";
