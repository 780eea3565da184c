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
  const [first = [">"], ...others] = filters.map((filter) => filter.split("."));
  if (others.every((other) => other.join() === first.join())) return first.join(".");
  // `>` stands for one token at least, so what is before it is shorter than each of them.
  const longest = Math.min(...[first, ...others].map((tokens) => tokens.length)) - 1;
  const shared = first.findIndex((token, i) => others.some((other) => other[i] !== token));
  return [...first.slice(0, shared === -1 ? longest : Math.min(shared, longest)), ">"].join(".");
}
