import { manualClock } from "@pitaya/actors";
import type { OutputParser } from "@pitaya/plugins";
import type { StepRecord } from "@pitaya/protocol";
import { redactor } from "@pitaya/redaction";
import { expect, it } from "vitest";
import type { OutputPublisher } from "../adapters/output-publisher.ts";
import { FRESH_CURSOR, type OutputSegment } from "../domain/output-messages.rules.ts";
import type { OutputChunk, OutputGap } from "../ports/executor.port.ts";
import { linePlugin } from "../testing/line-plugin.ts";
import { outputPump } from "./output-pump.ts";

const SECRET = "a-secret-of-some-length";

function setUp(parser: OutputParser = linePlugin.parser()) {
  const segments: OutputSegment[] = [];
  const records: StepRecord[] = [];
  const gaps: OutputGap[] = [];
  let finals = 0;
  let refusals = 0;
  let room: () => Promise<void> = async () => {};
  const publisher: OutputPublisher = {
    bytes: (segment) => void segments.push(segment),
    records: (more) => void records.push(...more),
    room: () => room(),
    flush: async () => {},
  };
  const pump = outputPump({
    parser,
    redactor: redactor({ values: [SECRET] }),
    clock: manualClock(),
    onOutput: () => {},
    onGap: (gap) => void gaps.push(gap),
    onSession: () => undefined,
    onFinal: () => {
      finals += 1;
    },
    onRefused: () => {
      refusals += 1;
    },
  });
  const text = (stream = "stdout") =>
    Buffer.concat(segments.filter((s) => s.stream === stream).map(({ bytes }) => bytes)).toString();
  return {
    pump,
    publisher,
    segments,
    records,
    gaps,
    text,
    get finals() {
      return finals;
    },
    get refusals() {
      return refusals;
    },
    hold(wait: () => Promise<void>) {
      room = wait;
    },
  };
}

const chunk = (text: string, offset: number): OutputChunk => ({
  stream: "stdout",
  bytes: Buffer.from(text),
  offset,
});

async function* output(...items: readonly (OutputChunk | { readonly gap: OutputGap })[]) {
  yield* items;
}

it("redacts a secret however it is cut, and tells of the range that stands for it", async () => {
  const { pump, publisher, segments, text } = setUp();
  const said = `key ${SECRET} end\n`;
  const pieces = [...said].map((char, offset) => chunk(char, offset));
  await pump.drain(output(...pieces), publisher, FRESH_CURSOR);
  expect(text()).toBe("key [REDACTED] end\n");
  expect(segments.at(-1)?.toOffset).toBe(said.length);
  let at = 0;
  for (const { fromOffset, toOffset } of segments) {
    expect(fromOffset).toBe(at);
    at = toOffset;
  }
});

it("does not read again what it had read, and tells of what it missed", async () => {
  const { pump, publisher, gaps, text } = setUp();
  await pump.drain(
    output(
      chunk("say one\n", 0),
      chunk("one\nsay two\n", 4),
      { gap: { stream: "stdout", fromOffset: 16, toOffset: 20 } },
      chunk("say five\n", 24),
    ),
    publisher,
    FRESH_CURSOR,
  );
  expect(text()).toBe("say one\nsay two\nsay five\n");
  expect(gaps).toEqual([
    { stream: "stdout", fromOffset: 16, toOffset: 20 },
    { stream: "stdout", fromOffset: 20, toOffset: 24 },
  ]);
});

it("reads no further than the bus takes it", async () => {
  const { pump, publisher, hold } = setUp();
  const taken = Promise.withResolvers<void>();
  hold(() => taken.promise);
  let read = 0;
  async function* endless() {
    for (let n = 0; n < 3; n += 1) {
      read += 1;
      yield chunk("say x\n", n * 6);
    }
  }
  const drained = pump.drain(endless(), publisher, FRESH_CURSOR);
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
  expect(read).toBe(1);
  taken.resolve();
  await drained;
  expect(read).toBe(3);
});

it("tells after a replay only those records that had not been told", async () => {
  const { pump, publisher, records, text } = setUp();
  const before = "say one\nsay two\nsay three\nsay fo";
  pump.replay({ stream: "stdout", bytes: Buffer.from(before) });
  pump.replay({ recordsTold: 2 });
  const cursor = { ...FRESH_CURSOR, next: { stdout: before.length, stderr: 0 } };
  await pump.drain(output(chunk("ur\n", before.length)), publisher, cursor);
  expect(records).toEqual([
    { type: "message", text: "three" },
    { type: "message", text: "four" },
  ]);
  expect(text()).toBe("ur\n");
  expect(pump.lastOutput()).toBe(`${before}ur\n`);
});

it("says when the agent has said its last word, also when that was before a restart", async () => {
  const fresh = setUp();
  await fresh.pump.drain(output(chunk("done\n", 0)), fresh.publisher, FRESH_CURSOR);
  expect(fresh.finals).toBe(1);
  const replayed = setUp();
  replayed.pump.replay({ stream: "stdout", bytes: Buffer.from("done\n") });
  expect(replayed.finals).toBe(1);
});

it("tells of each request that was refused, and of none twice", async () => {
  const said = { refusals: 0 };
  const parser: OutputParser = {
    get refusals() {
      return said.refusals;
    },
    push(_, bytes) {
      said.refusals += String(Buffer.from(bytes)).split("refused").length - 1;
      return [];
    },
    end: () => ({ records: [], result: {} }),
  };
  const it = setUp(parser);
  it.pump.replay({ stream: "stdout", bytes: Buffer.from("refused long ago") });
  const words = output(chunk("at work", 0), chunk("refused", 7), chunk("at work", 14));
  await it.pump.drain(words, it.publisher, FRESH_CURSOR);
  expect(it.refusals).toBe(1);
  await it.pump.drain(output(chunk("refused", 21)), it.publisher, {
    ...FRESH_CURSOR,
    next: { ...FRESH_CURSOR.next, stdout: 21 },
  });
  expect(it.refusals).toBe(2);
});
