import { memoryBus } from "@pitaya/bus/testing";
import { subjects } from "@pitaya/protocol";
import { expect, it } from "vitest";
import { headersOf, RECORDS_HEADERS } from "../domain/output-headers.rules.ts";
import type { JournalEntry } from "../ports/disk.port.ts";
import type { ReplayItem } from "./output-pump.ts";
import { replayOutput } from "./replay.ts";

const subject = subjects.output.of({
  runner: "r1",
  run: "run_20260101_000000_00000001",
  instance: "0123456789abcdef",
  attempt: "1",
});
const bytes = (text: string, offset: number): JournalEntry => ({
  headers: headersOf({
    kind: "bytes",
    stream: "stdout",
    offset,
    nextStdout: offset + text.length,
    nextStderr: 0,
    beginsLine: true,
    endsLine: true,
  }),
  payload: Buffer.from(text),
});
const records: JournalEntry = {
  headers: RECORDS_HEADERS,
  payload: Buffer.from(JSON.stringify({ v: 1, records: [{ type: "final" }] })),
};

/** What is replayed and stored when these were written down, of which only the first got to the bus. */
async function replay(journal: readonly JournalEntry[], published: number) {
  const { output } = memoryBus("r1");
  for (const { payload, headers } of journal.slice(0, published)) {
    await output.publish(subject, payload, headers);
  }
  const replayed: ReplayItem[] = [];
  async function* read() {
    yield* journal;
  }
  const pump = { replay: (item: ReplayItem) => void replayed.push(item) };
  const cursor = await replayOutput({ read }, output, subject, pump);
  const stored: string[] = [];
  for await (const { payload } of output.read([subject]))
    stored.push(Buffer.from(payload).toString());
  return { cursor, replayed, stored };
}

const journal = [bytes("one\n", 0), records, bytes("two\n", 4), bytes("two\n", 8)];

it("gives back what was said, and where to go on", async () => {
  const { cursor, replayed } = await replay(journal, 4);
  expect(
    replayed.map((item) => ("bytes" in item ? Buffer.from(item.bytes).toString() : item)),
  ).toEqual(["one\n", { recordsTold: 1 }, "two\n", "two\n"]);
  expect(cursor.next).toEqual({ stdout: 12, stderr: 0 });
});

it("publishes the last message if it had not got to the bus, and nothing else twice", async () => {
  for (let written = 1; written <= journal.length; written += 1) {
    const whole = journal.slice(0, written).map(({ payload }) => Buffer.from(payload).toString());
    expect((await replay(journal.slice(0, written), written)).stored).toEqual(whole);
    expect((await replay(journal.slice(0, written), written - 1)).stored).toEqual(whole);
  }
});

it("begins at the beginning where nothing was said", async () => {
  expect(await replay([], 0)).toMatchObject({
    stored: [],
    cursor: { next: { stdout: 0, stderr: 0 } },
  });
});
