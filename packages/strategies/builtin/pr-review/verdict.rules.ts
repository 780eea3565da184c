import type { Finding, Severity } from "./findings.rules.ts";

/** `INCOMPLETE`: nothing that fails was found, but not every review could be used. */
export type Verdict = "PASS" | "NEEDS_CHANGES" | "INCOMPLETE";

export type CiFailPolicy = "needs_changes" | "always" | "never";

/** What review sites call it. */
export type ReviewEvent = "APPROVE" | "COMMENT" | "REQUEST_CHANGES";

/** The findings that fail a review, by the severities that do. */
export const failing = (
  findings: readonly Finding[],
  failOn: readonly Severity[],
): readonly Finding[] => findings.filter(({ severity }) => failOn.includes(severity));

/** @param unusable reviews that gave nothing that can be counted */
export function verdictOf(
  findings: readonly Finding[],
  failOn: readonly Severity[],
  unusable: number,
): Verdict {
  if (failing(findings, failOn).length > 0) return "NEEDS_CHANGES";
  return unusable > 0 ? "INCOMPLETE" : "PASS";
}

/** Approved is only what everybody looked at and nobody found fault with. */
export function eventOf(verdict: Verdict, findings: readonly Finding[]): ReviewEvent {
  if (verdict === "NEEDS_CHANGES") return "REQUEST_CHANGES";
  return verdict === "PASS" && findings.length === 0 ? "APPROVE" : "COMMENT";
}

/** Whether the verdict fails the run. A run without any usable review fails in any case. */
export const failsRun = (verdict: Verdict, policy: CiFailPolicy): boolean =>
  policy === "always" || (policy === "needs_changes" && verdict !== "PASS");
