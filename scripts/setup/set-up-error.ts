/** Something is missing that set-up may not or cannot get. `remedy` says exactly what to do. */
export class SetUpError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SetUpError";
    this.remedy = remedy;
  }
}

/** One text for a person: every failure of parts that ran at once, each with its remedy. */
export function describeFailure(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describeFailure).join("\n\n");
  if (error instanceof SetUpError) return `${error.message}\n  What to do: ${error.remedy}`;
  return error instanceof Error ? error.message : String(error);
}
