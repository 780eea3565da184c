/** A blob as a message names it: what a `BlobRef` has, wherever in the message it stands. */
export interface NamedBlob {
  readonly writer: string;
  readonly sha256: string;
  readonly parents: readonly string[];
}

/**
 * Every blob that a message names. By its shape and not by the message's schema: a reference that a
 * newer version of Pitaya wrote, in a place this one does not know, keeps its blob all the same.
 */
export function* blobsNamedIn(value: unknown): Generator<NamedBlob> {
  if (typeof value !== "object" || value === null) return;
  if (isNamedBlob(value)) yield value;
  for (const part of Object.values(value)) yield* blobsNamedIn(part);
}

const isNamedBlob = (value: object): value is NamedBlob =>
  "writer" in value &&
  typeof value.writer === "string" &&
  "sha256" in value &&
  typeof value.sha256 === "string" &&
  "parents" in value &&
  Array.isArray(value.parents) &&
  value.parents.every((parent) => typeof parent === "string");
