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
