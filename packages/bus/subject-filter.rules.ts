/** Whether a subject falls under a NATS filter: `*` stands for one token, a last `>` for one or more. */
export function matchesFilter(filter: string, subject: string): boolean {
  const wanted = filter.split(".");
  const given = subject.split(".");
  for (const [i, token] of wanted.entries()) {
    if (token === ">") return given.length > i;
    if (i >= given.length || (token !== "*" && token !== given[i])) return false;
  }
  return wanted.length === given.length;
}

export const matchesAny = (filters: readonly string[], subject: string): boolean =>
  filters.some((filter) => matchesFilter(filter, subject));

/** One filter that lets through at least what these do. */
export function coveringFilter(filters: readonly string[]): string {
  const [first = [], ...others] = filters.map((filter) => filter.split("."));
  if (others.length === 0) return first.join(".") || ">";
  const shared = first.findIndex(
    (token, i) => token === ">" || others.some((other) => other[i] !== token),
  );
  if (shared === -1 && others.every((other) => other.length === first.length)) {
    return first.join(".");
  }
  return [...first.slice(0, shared === -1 ? first.length : shared), ">"].join(".");
}
