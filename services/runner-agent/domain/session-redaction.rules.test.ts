import { redactor } from "@pitaya/redaction";
import { expect, it } from "vitest";
import { redactedSessionFile } from "./session-redaction.rules.ts";

const SECRET = "canary-value-4711";
const redacting = redactor({ values: [SECRET] });
const redacted = (text: string) =>
  Buffer.from(redactedSessionFile(Buffer.from(text), redacting) ?? []).toString();

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
    ...redacting,
    text: (text: string) => text.replace(/:".*/, ":[REDACTED]"),
  };
  const bytes = redactedSessionFile(Buffer.from('{"a":"b","c":"d:\\"e"}'), greedy);
  expect(JSON.parse(Buffer.from(bytes ?? []).toString())).toEqual({ a: "b", c: "d:[REDACTED]" });
});

it("keeps what is no text to the byte, or not at all", () => {
  const database = (...parts: readonly string[]) =>
    Buffer.concat([Buffer.from([0, 0xff, 0xfe]), Buffer.from(parts.join("\0next page\0"))]);
  const clean = database("hello", "world");
  expect(redactedSessionFile(clean, redacting)).toEqual(clean);
  const half = SECRET.length / 2;
  const holding = [
    database(SECRET),
    database(SECRET.slice(0, half), SECRET.slice(half)),
    database("AKIA" + "IOSFODNN7EXAMPLE"),
  ];
  for (const bytes of holding) expect(redactedSessionFile(bytes, redacting)).toBeUndefined();
});
