import type { Container } from "dockerode";
import type { OutputChunk, OutputGap } from "../../ports/executor.port.ts";
import { archiveEntries, entryBytes } from "./archive.ts";
import { PLACE } from "./places.ts";

export interface Offsets {
  stdout: number;
  stderr: number;
}

export type OutputItem = OutputChunk | { readonly gap: OutputGap };

/** The wrapper's. */
export const SEGMENT_BYTES = 1024 * 1024;
const FIRST_SEGMENT = 100_000_000;
const MAX_SEGMENTS = 64;

/**
 * What the wrapper kept of an ended agent's output, from these offsets on, which are moved along.
 * The files are the agent's word: names, sizes and kinds are checked.
 */
export async function* keptSegments(
  container: Container,
  position: Offsets,
): AsyncGenerator<OutputItem> {
  const entries = await archiveEntries(container, `${PLACE.exchange}/out/segments`);
  if (entries === undefined) return;
  let seen = 0;
  for await (const entry of entries) {
    seen += 1;
    const segment = /^segments\/(stdout|stderr)\.(1\d{8})$/.exec(entry.header.name);
    const size = entry.header.size ?? 0;
    if (seen > MAX_SEGMENTS || size > SEGMENT_BYTES) return;
    if (segment === null || entry.header.type !== "file") {
      entry.resume();
      continue;
    }
    const stream = segment[1] === "stderr" ? "stderr" : "stdout";
    const start = (Number(segment[2]) - FIRST_SEGMENT) * SEGMENT_BYTES;
    if (start + size <= position[stream]) {
      entry.resume();
      continue;
    }
    if (start > position[stream]) {
      yield { gap: { stream, fromOffset: position[stream], toOffset: start } };
      position[stream] = start;
    }
    let skip = position[stream] - start;
    for await (const bytes of entryBytes(entry)) {
      const wanted = bytes.subarray(Math.min(skip, bytes.length));
      skip -= bytes.length - wanted.length;
      if (wanted.length === 0) continue;
      yield { stream, bytes: wanted, offset: position[stream] };
      position[stream] += wanted.length;
    }
  }
}
