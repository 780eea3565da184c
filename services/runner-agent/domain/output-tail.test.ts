import { expect, it } from "vitest";
import { outputTail } from "./output-tail.ts";

it("keeps the last bytes of whatever it is given", () => {
  const tail = outputTail(8);
  for (const text of ["0123456789", "ab", "c", ...Array.from({ length: 100 }, () => "xyz")]) {
    tail.push(Buffer.from(text));
  }
  expect(tail.text()).toBe("yzxyzxyz");
});

it("cuts at a character", () => {
  const tail = outputTail(8);
  tail.push(Buffer.from("aé€😀€"));
  expect(tail.text()).toBe("😀€");
});

it("replaces what is not UTF-8", () => {
  const tail = outputTail(8);
  tail.push(new Uint8Array([0x61, 0xff, 0x62]));
  expect(tail.text()).toBe("a\ufffdb");
});

it("is empty until something is said", () => {
  expect(outputTail(8).text()).toBe("");
});
