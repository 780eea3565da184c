import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { drawings } from "./drawings.ts";

it("the pictures in docs are those of the machines", () => {
  const page = new URL("../../docs/machines.md", import.meta.url);
  expect(readFileSync(page, "utf8")).toBe(drawings());
});
