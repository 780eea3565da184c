import type { OutputLog } from "@pitaya/bus";
import { OutputRecords } from "@pitaya/protocol";
import { readHeaders } from "../domain/output-headers.rules.ts";
import { cursorAfter, FRESH_CURSOR, type OutputCursor } from "../domain/output-messages.rules.ts";
import type { JournalEntry, OutputJournal } from "../ports/disk.port.ts";
import type { OutputPump } from "./output-pump.ts";

/**
 * Gives the pump what an earlier incarnation had published. Its last message alone may not have
 * reached the bus; then it is published now.
 *
 * @returns where reading goes on
 */
export async function replayOutput(
  journal: Pick<OutputJournal, "read">,
  output: Pick<OutputLog, "last" | "publish">,
  subject: string,
  pump: Pick<OutputPump, "replay">,
): Promise<OutputCursor> {
  let cursor = FRESH_CURSOR;
  let last: JournalEntry | undefined;
  for await (const entry of journal.read()) {
    const head = readHeaders(entry.headers);
    if (head === undefined) {
      pump.replay({ recordsTold: countRecords(entry.payload) });
    } else {
      pump.replay({ stream: head.stream, bytes: entry.payload });
      cursor = cursorAfter(cursor, { head });
    }
    last = entry;
  }
  if (last && !isSame(await output.last(subject), last)) {
    await output.publish(subject, last.payload, last.headers);
  }
  return cursor;
}

const countRecords = (payload: Uint8Array): number =>
  OutputRecords.parse(JSON.parse(new TextDecoder().decode(payload))).records.length;

const isSame = (stored: JournalEntry | undefined, entry: JournalEntry): boolean =>
  stored !== undefined &&
  Object.entries(entry.headers).every(([name, value]) => stored.headers[name] === value) &&
  Buffer.from(stored.payload).equals(entry.payload);
