import type { OutputLog } from "@pitaya/bus";
import { OutputRecords } from "@pitaya/protocol";
import { readHeaders } from "../domain/output-headers.rules.ts";
import {
  cursorAfter,
  FRESH_CURSOR,
  type OutputCursor,
  type OutputStream,
} from "../domain/output-messages.rules.ts";

/** What was published of an attempt: pieces of its output, and how many records were told after them. */
export type ReplayItem =
  | { readonly stream: OutputStream; readonly bytes: Uint8Array }
  | { readonly recordsTold: number };

/**
 * Reads what was published of an attempt, in order, giving it to `replay`. The oldest may be gone:
 * the stream keeps output for a time only.
 *
 * @returns where adoption goes on
 */
export async function replayOutput(
  output: Pick<OutputLog, "read">,
  subject: string,
  replay: (item: ReplayItem) => void,
): Promise<OutputCursor> {
  let cursor = FRESH_CURSOR;
  for await (const message of output.read([subject])) {
    const head = readHeaders(message.headers);
    if (head === undefined) {
      replay({ recordsTold: countRecords(message.payload) });
      continue;
    }
    // A publish that was repeated because its answer was lost is there twice.
    if (head.offset < cursor.next[head.stream]) continue;
    replay({ stream: head.stream, bytes: message.payload });
    cursor = cursorAfter(cursor, { head });
  }
  return cursor;
}

function countRecords(payload: Uint8Array): number {
  try {
    return OutputRecords.parse(JSON.parse(new TextDecoder().decode(payload))).records.length;
  } catch {
    // Ours alone to write, and only for people to see: what is damaged counts for nothing.
    return 0;
  }
}
