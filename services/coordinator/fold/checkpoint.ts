import { deflateRawSync, inflateRawSync } from "node:zlib";
import { type FoldedRun, type FrozenRun, foldedRun } from "./folded-run.ts";

/**
 * Version of everything that is folded here: to be raised with every change of what a fold makes of
 * the same messages, or of how it is frozen. `checkpoint.test.ts` shows such changes.
 */
export const FOLD_VERSION = 3;

/** Fast rather than small: most of it is the same few field names. */
const COMPRESSION = { level: 1 } as const;

/** Runs as one piece of bytes, and back. */
export const packRuns = (runs: Iterable<FoldedRun>): Uint8Array =>
  deflateRawSync(JSON.stringify([...runs].map((run) => run.freeze())), COMPRESSION);

export function unpackRuns(bytes: Uint8Array): readonly FoldedRun[] {
  const frozen = JSON.parse(inflateRawSync(bytes).toString()) as readonly FrozenRun[];
  return frozen.map((each) => foldedRun(each.run, each));
}
