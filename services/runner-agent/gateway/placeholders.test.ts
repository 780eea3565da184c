import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { headersWithoutKeys, withoutKeysInStream } from "./placeholders.ts";

const keys = [
  { placeholder: "pitaya-0", value: "sk-sk-key" },
  { placeholder: "pitaya-1", value: "a$&b" },
];

it("takes each key back, however the answer is split", async () => {
  const part = fc.constantFrom("sk-sk-key", "sk-", "sk", "a$&b", "a$", "x", "ü", "\n");
  await fc.assert(
    fc.asyncProperty(fc.array(part), fc.array(fc.nat(7)), async (parts, sizes) => {
      const said = parts.join("");
      const bytes = Buffer.from(said);
      const pieces: Buffer[] = [];
      for (let at = 0, n = 0; at < bytes.length; n += 1) {
        const size = (sizes[n % Math.max(1, sizes.length)] ?? 0) + 1;
        pieces.push(bytes.subarray(at, at + size));
        at += size;
      }
      const wanted = said.replaceAll("sk-sk-key", "pitaya-0").replaceAll("a$&b", "pitaya-1");
      expect(await text(Readable.from(pieces).pipe(withoutKeysInStream(keys)))).toBe(wanted);
    }),
    { seed: 1 },
  );
});

it("holds nothing back that is no key's beginning", () => {
  const stream = withoutKeysInStream(keys);
  stream.write("data: one\n\n");
  expect(String(stream.read())).toBe("data: one\n\n");
  stream.write("sk-");
  expect(stream.read()).toBeNull();
  stream.write("x");
  expect(String(stream.read())).toBe("sk-x");
});

it("takes them out of headers", () => {
  const headers = { "x-echo": "sk-sk-key!", location: "/?k=a%24%26b", "set-cookie": ["a$&b", "c"] };
  expect(headersWithoutKeys(headers, keys)).toEqual({
    "x-echo": "pitaya-0!",
    location: "/?k=pitaya-1",
    "set-cookie": ["pitaya-1", "c"],
  });
});
