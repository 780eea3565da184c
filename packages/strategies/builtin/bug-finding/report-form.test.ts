import { expect, it } from "vitest";
import { REPORT_FORM, wholeReport } from "./report-form.rules.ts";

const check = (report: string) => wholeReport(report, REPORT_FORM);

it.each([
  ["plain", "Title: a\nSeverity: low\nRoot cause: a.ts:3\nReproduction: run it\nProposed fix: no"],
  [
    "Markdown",
    "# It is lost\n\n**Severity:** high\n\n## 1. Root Cause\n\nIn a.ts.\n\n## Reproduction steps\n\n1. run\n\n### Proposed fix\n- do",
  ],
  [
    "lists, and more than is asked for",
    "- **Title**: a\n- Severity: low, `x`\n- Root cause:\n  a.ts\n- Reproduction (by script):\n  run\n- Files: a.ts\n- Proposed fix: mend",
  ],
])("a report that is whole: %s", (_, report) => {
  expect(check(report)).toEqual({ ok: true, value: report });
});

it.each([
  ["ok", /^the report says nothing under "Title:", "Severity:", "Root cause:", /],
  ["Titles matter, severity too, and proposed fixes", /"Title:".*"Severity:".*"Proposed fix:"$/],
  [
    "Title: a\nSeverity: low\nRoot cause:\n\nReproduction: **\nProposed fix: b",
    /under "Root cause:", "Reproduction:"$/,
  ],
])("a report that is not: %j", (report, problem) => {
  expect(check(report)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
});
