/** What frees work that waits for these credentials. */
export const freedBy = (run: string, names: readonly string[]): string =>
  `set ${names.join(", ")}, then: pitaya attach ${run}`;
