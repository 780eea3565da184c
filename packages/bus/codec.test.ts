import { CancelCommand, Pin, SecretBundle } from "@pitaya/protocol";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { decode, encode } from "./codec.ts";

const bytes = (text: string) => Buffer.from(text);
const text = (payload: Uint8Array) => Buffer.from(payload).toString();
const failing = (act: () => unknown): Record<string, unknown> => {
  try {
    act();
  } catch (error) {
    return error as Record<string, unknown>;
  }
  throw new Error("it did not fail");
};

describe("encode", () => {
  it("writes keys in the order of the schema, whatever the order they are given in", () => {
    const schema = z.object({ a: z.int(), b: z.object({ c: z.int(), d: z.int() }) });
    expect(text(encode(schema, { b: { d: 3, c: 2 }, a: 1 }))).toBe('{"a":1,"b":{"c":2,"d":3}}');
  });

  it("refuses a message that its own schema refuses", () => {
    expect(failing(() => encode(Pin, { v: 2 } as never))).toMatchObject({
      code: "malformed_message",
    });
  });
});

describe("decode", () => {
  it("drops what it does not know", () => {
    expect(decode(Pin, bytes('{"v":1,"later":true}'), "The pin")).toEqual({ v: 1 });
  });

  it("says what is wrong and where", () => {
    const error = failing(() => decode(CancelCommand, bytes('{"v":1,"epoch":0}'), "The command"));
    expect(error).toMatchObject({ code: "malformed_message", retryable: false });
    expect(error["message"]).toMatch(/^The command is malformed: .*epoch: /);
    expect(error["details"]).toMatchObject({
      issues: expect.arrayContaining([expect.objectContaining({ path: "epoch" })]),
    });
  });

  it("does not repeat what the message held: it may be a secret", () => {
    const secret = "sk-ant-canary";
    const payload = { v: 1, run: 7, values: { KEY: { nested: secret }, [`${secret}\n`]: 1 } };
    const error = failing(() =>
      decode(SecretBundle, bytes(JSON.stringify(payload)), "The secrets"),
    );
    expect(error["message"]).toContain("run");
    expect(JSON.stringify([error["message"], error["details"]])).not.toContain("nested");
  });

  it.each([
    ["nothing", ""],
    ["no JSON", "{"],
    ["another type", "[]"],
    ["null", "null"],
  ])("refuses %s", (_, payload) => {
    expect(failing(() => decode(Pin, bytes(payload), "The pin"))).toMatchObject({
      code: "malformed_message",
      message: expect.stringContaining("The pin"),
    });
  });

  it("refuses bytes that are not UTF-8", () => {
    const payload = Buffer.concat([bytes('{"v":1,"x":"'), Buffer.of(0xff), bytes('"}')]);
    expect(failing(() => decode(Pin, payload, "The pin"))).toMatchObject({
      code: "malformed_message",
      message: "The pin is not JSON in UTF-8.",
    });
  });

  it("tells another version from nonsense", () => {
    expect(failing(() => decode(Pin, bytes('{"v":2}'), "The pin"))).toMatchObject({
      code: "version_skew",
      message: expect.stringContaining("version 2"),
    });
  });
});
