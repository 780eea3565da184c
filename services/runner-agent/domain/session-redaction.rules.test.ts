import { redactor } from "@pitaya/redaction";
import { expect, it } from "vitest";
import { redactedSessionFile } from "./session-redaction.rules.ts";

const SECRET = "canary-value-4711";
const redacting = redactor({ values: [SECRET] });
const redacted = (text: string) =>
  Buffer.from(redactedSessionFile(Buffer.from(text), redacting)).toString();

it("leaves a session as it is, to the byte, where it holds no secret", () => {
  const text = '\uFEFF{"a":1.0,"b":"ü"}\r\n\n{"cut';
  expect(redacted(text)).toBe(text);
});

it("takes secrets out of lines, and what was JSON still is", () => {
  const lines = [{ said: `the key is ${SECRET}` }, { [SECRET]: [SECRET, { deep: SECRET }] }];
  const text = `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"cut":"${SECRET}`;
  const [first = "", second = "", cut] = redacted(text).split("\n");
  expect(JSON.parse(first)).toEqual({ said: "the key is [REDACTED]" });
  expect(JSON.stringify(JSON.parse(second))).not.toContain(SECRET);
  expect(cut).toBe('{"cut":"[REDACTED]');
});

it("keeps a line JSON where a match reaches over its quotes", () => {
  const greedy = {
    text: (text: string) => text.replace(/:".*/, ":[REDACTED]"),
    stream: redacting.stream,
  };
  const bytes = redactedSessionFile(Buffer.from('{"a":"b","c":"d:\\"e"}'), greedy);
  expect(JSON.parse(Buffer.from(bytes).toString())).toEqual({ a: "b", c: "d:[REDACTED]" });
});

it("takes secrets out of what is no text", () => {
  const bytes = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(SECRET), Buffer.from([0])]);
  const found = Buffer.from(redactedSessionFile(bytes, redacting));
  expect(found.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xfe]));
  expect(found.includes(SECRET)).toBe(false);
});
