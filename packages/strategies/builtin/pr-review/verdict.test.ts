import { describe, expect, it } from "vitest";
import { parseComposition, shownFindings } from "./composition.rules.ts";
import type { Finding, Severity } from "./findings.rules.ts";
import { reviewIndex, reviewIndexText } from "./review-index.rules.ts";
import { eventOf, failing, failsRun, verdictOf } from "./verdict.rules.ts";

const finding = (uid: string, severity: Severity): Finding => ({
  ...{ uid, severity, path: "a.ts", start: 1, end: 1 },
  ...{ title: `title ${uid}`, description: `about ${uid}` },
});
const high = finding("h", "HIGH");
const low = finding("l", "LOW");

describe("the verdict", () => {
  it.each([
    ["nothing found", [], ["HIGH"], 0, "PASS", "APPROVE"],
    ["only what does not fail", [low], ["HIGH"], 0, "PASS", "COMMENT"],
    ["what fails", [low, high], ["HIGH"], 0, "NEEDS_CHANGES", "REQUEST_CHANGES"],
    ["what fails here", [low], ["MEDIUM", "LOW"], 0, "NEEDS_CHANGES", "REQUEST_CHANGES"],
    ["nothing fails", [high], [], 0, "PASS", "COMMENT"],
    ["a review is missing", [], ["HIGH"], 1, "INCOMPLETE", "COMMENT"],
    ["one is missing, the other fails", [high], ["HIGH"], 1, "NEEDS_CHANGES", "REQUEST_CHANGES"],
  ] as const)("where %s", (_, findings, failOn, unusable, verdict, event) => {
    expect(verdictOf(findings, failOn, unusable)).toBe(verdict);
    expect(eventOf(verdict, findings)).toBe(event);
  });

  it("fails the run by policy", () => {
    const all = ["PASS", "NEEDS_CHANGES", "INCOMPLETE"] as const;
    const by = (policy: "needs_changes" | "always" | "never") =>
      all.map((verdict) => failsRun(verdict, policy));
    expect(by("needs_changes")).toEqual([false, true, true]);
    expect(by("always")).toEqual([true, true, true]);
    expect(by("never")).toEqual([false, false, false]);
  });
});

describe("a composition", () => {
  const said = (value: unknown) => parseComposition(`Well: ${JSON.stringify(value)}`, [high, low]);

  it("selects of the findings there are", () => {
    const read = said({ intro: " Thanks! ", selected_ids: ["l", "l"] });
    expect(read).toEqual({ ok: true, value: { intro: "Thanks!", selectedIds: ["l"] } });
    expect(said({ intro: "Fine", selected_ids: [] })).toMatchObject({ ok: true });
  });

  it.each([
    [{ intro: "a" }, /no "selected_ids"/],
    [{ selected_ids: [] }, /"intro" is not a text/],
    [{ intro: "a", selected_ids: "l" }, /not a list/],
    [{ intro: "a", selected_ids: ["x"] }, /were not given/],
  ])("%j is told what is wrong with it", (value, problem) => {
    expect(said(value)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });

  it("cannot hide what fails the review", () => {
    expect(shownFindings([high, low], [], failing([high, low], ["HIGH"]))).toEqual([high]);
    expect(shownFindings([high, low], ["l"], [])).toEqual([low]);
  });
});

describe("the review's index", () => {
  const parts = {
    verdict: "NEEDS_CHANGES",
    event: "REQUEST_CHANGES",
    intro: "Hi.",
    commit: "c0ffee",
  } as const;

  it("holds the findings shown, and the review as it can be posted", () => {
    const shown = [{ ...high, start: 3, end: 5, suggestion: "a\n```\nb" }, low];
    const index = reviewIndex({ ...parts, counts: { HIGH: 1, MEDIUM: 2, LOW: 1 }, shown });
    const { commit: commit_id, ...same } = parts;
    expect(index).toMatchObject({
      ...{ ...same, commit_id },
      counts: { MEDIUM: 2 },
      selected_ids: ["h", "l"],
      selected_details: [
        { uid: "h", start: 3, desc: "about h", suggestion: { kind: "gh", code: "a\n```\nb" } },
        { uid: "l", suggestion: { kind: "none", code: "" } },
      ],
      review: { commit_id, body: "Hi.", event: "REQUEST_CHANGES" },
    });
    expect(index.review.comments).toEqual([
      {
        ...{ path: "a.ts", line: 5, side: "RIGHT", start_line: 3, start_side: "RIGHT" },
        body: "**[HIGH] title h**\n\nabout h\n\n````suggestion\na\n```\nb\n````",
      },
      { path: "a.ts", line: 1, side: "RIGHT", body: "**[LOW] title l**\n\nabout l" },
    ]);
  });

  it("stays within its bounds, and keeps the worst", () => {
    const long = { ...high, description: "\u{1f600}".repeat(1_000), suggestion: "x".repeat(4_000) };
    const shown = Array.from({ length: 500 }, (_, n) => ({ ...long, uid: `u${n}` }));
    const text = reviewIndexText({ ...parts, counts: { HIGH: 500, MEDIUM: 0, LOW: 0 }, shown });
    expect(new TextEncoder().encode(text).length).toBeLessThan(2 ** 20);
    const { counts, selected_ids: ids } = JSON.parse(text);
    expect(counts.HIGH).toBe(500);
    expect(ids.slice(0, 2)).toEqual(["u0", "u1"]);
    expect(ids.length).toBeGreaterThan(20);
  });
});
