import { deflateSync, gzipSync } from "node:zlib";
import { expect, it } from "vitest";
import { found, needle } from "./readings.ts";

const value = "canary-of-the-readings";
const needles = [needle("it", value), needle("another", "not-in-there-at-all")];

it.each<[string, Buffer]>([
  ["as it is", Buffer.from(`x${value}y`)],
  ["in base64", Buffer.from(Buffer.from(value).toString("base64"))],
  ["in base64 after others", Buffer.from(Buffer.from(`ab${value}cd`).toString("base64"))],
  [
    "compressed, with more behind it",
    Buffer.concat([Buffer.from("PACK"), deflateSync(value), Buffer.from("x")]),
  ],
  ["compressed, and cut off", gzipSync(value + "x".repeat(99)).subarray(0, -6)],
  ["compressed twice", gzipSync(deflateSync(Buffer.from(value)))],
])("a value is found %s", (_, bytes) => {
  expect(found(bytes, needles)).toEqual(["it"]);
});

it("and not where it is not", () => {
  expect(found(gzipSync(value.slice(1)), needles)).toEqual([]);
});
