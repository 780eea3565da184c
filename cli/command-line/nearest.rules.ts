/** Changes of one letter (add, drop, replace, swap neighbours) that lead from one word to another. */
export function editDistance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      const replaced = at(i - 1, j - 1) + (same ? 0 : 1);
      const shifted = Math.min(at(i - 1, j), row[j - 1] ?? 0) + 1;
      row.push(Math.min(replaced, shifted, swapped ? at(i - 2, j - 2) + 1 : Infinity));
    }
  }
  return at(from.length, to.length);
}

/** How far a mistyped word may be from what was meant. */
const tolerance = (word: string): number => Math.min(2, Math.floor((word.length - 1) / 2));

/** The word most likely meant, or `undefined` where nothing is near. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  if (best && best.distance <= tolerance(word)) return best.candidate;
  return word.length >= 3 ? candidates.find((candidate) => candidate.startsWith(word)) : undefined;
}
