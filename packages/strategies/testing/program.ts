/**
 * A strategy as data: what strategies in general can do, so that random ones can be made. Numbers
 * stand for one of the tasks asked for so far, counted round.
 */
export type Step =
  /** Another task; on the branch of a result so far, if there is one and `stacked`. */
  | { readonly do: "run"; readonly stacked: boolean }
  /** A task by a key that stands already. */
  | { readonly do: "again"; readonly of: number }
  | { readonly do: "wait"; readonly of: number }
  | { readonly do: "waitAll"; readonly of: readonly number[] }
  | { readonly do: "race"; readonly of: readonly number[] }
  | { readonly do: "cancel"; readonly of: number }
  | { readonly do: "rand" }
  | { readonly do: "now" }
  | { readonly do: "sleep"; readonly ms: number }
  | { readonly do: "readFile"; readonly of: number }
  /** Times that the code does not know before: 0 to 2, by `rand`. */
  | { readonly do: "loop"; readonly body: readonly Step[] }
  /** At the same time. */
  | { readonly do: "fork"; readonly bodies: readonly (readonly Step[])[] };

export type Program = readonly Step[];
