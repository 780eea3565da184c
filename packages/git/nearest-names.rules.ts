/** How many letters must change, go or come to make `b` of `a` (Levenshtein). */
export function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/**
 * The names a person may have meant, nearest first: those that hold what was typed, and those that
 * differ from it in at most half of its letters, and at most four. A remote's branch is compared without the remote's
 * name too, since `feature` for `origin/feature` is the commonest slip.
 */
export function nearestNames(typed: string, names: readonly string[], count = 3): string[] {
  const wanted = typed.toLowerCase().slice(0, 100);
  const distanceTo = (name: string): number => {
    const lower = name.toLowerCase().slice(0, 100);
    const last = lower.slice(lower.indexOf("/") + 1);
    if (last === wanted) return 0;
    if (wanted.length > 2 && lower.includes(wanted)) return 1;
    return Math.min(editDistance(wanted, lower), editDistance(wanted, last));
  };
  return names
    .map((name) => ({ name, distance: distanceTo(name) }))
    .filter(({ distance }) => distance <= Math.min(4, Math.floor(wanted.length / 2)))
    .sort((a, b) => a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, count)
    .map(({ name }) => name);
}
