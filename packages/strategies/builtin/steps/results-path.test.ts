import { expect, it } from "vitest";
import { resultsPath } from "./results-path.rules.ts";

it.each([
  ["BUG_REPORT.md", "reports/BUG_REPORT.md"],
  ["reports/doc-review/REPORT.md", "reports/doc-review/REPORT.md"],
  ["./docs//.hidden/ü b.md", "reports/docs/hidden/--b.md"],
  ["...", "reports/_"],
  [`reports/${"a".repeat(150)}/${"b".repeat(80)}/c.md`, `reports/${"b".repeat(80)}/c.md`],
  [`${"a".repeat(300)}.md`, `reports/${"a".repeat(189)}.md`],
])("the report %s stands at %s", (path, place) => {
  expect(resultsPath(path)).toBe(place);
});
