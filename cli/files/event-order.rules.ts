/**
 * Lines of outward events in the order of the log. The log and the agents' steps are two streams: the
 * server's time puts them together, and at the same millisecond the log goes first.
 */
export function inLogOrder(lines: readonly string[]): string[] {
  return lines
    .map((line) => ({ line, ...placeOf(line) }))
    .sort((a, b) => compare(a.ts, b.ts) || compareIds(a.id, b.id))
    .map(({ line }) => line);
}

function placeOf(line: string): { readonly ts: string; readonly id: string } {
  const { ts, id } = JSON.parse(line) as { ts: string; id: string };
  return { ts, id };
}

/** An id is a letter for the stream, then numbers: `e12.0.1`, `o7.3`. */
function compareIds(a: string, b: string): number {
  const stream = compare(a.slice(0, 1), b.slice(0, 1));
  if (stream !== 0) return stream;
  const left = a.slice(1).split(".").map(Number);
  const right = b.slice(1).split(".").map(Number);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = (left[i] ?? -1) - (right[i] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
