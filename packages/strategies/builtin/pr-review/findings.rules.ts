import { z } from "zod";
import { canonicalHash } from "../../canonical-hash.ts";
import { type Answer, answered, unusable } from "../answers/answer.ts";
import { objectIn } from "../answers/json-in-text.rules.ts";

/** Worst first. */
export const SEVERITIES = ["HIGH", "MEDIUM", "LOW"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** Something wrong with the changes, as a validator holds it to be. */
export interface Finding {
  /** Of place and title: the same finding of two reviewers is one. */
  readonly uid: string;
  readonly severity: Severity;
  readonly path: string;
  /** First line, from 1, in the file as it is after the changes. */
  readonly start: number;
  /** Last line. */
  readonly end: number;
  readonly title: string;
  readonly description: string;
  /** What would stand in place of those lines. */
  readonly suggestion?: string;
}

export type Counts = Readonly<Record<Severity, number>>;

const MAX_FINDINGS = 100;
const MAX_TITLE = 200;
const MAX_DESCRIPTION = 2_000;
/** A longer one is left out: half a suggestion is worse than none. */
const MAX_SUGGESTION = 4_000;

const Line = z.int({ error: "must be a line number" }).min(1, { error: "must be 1 or more" });
const text = (max: number) =>
  z
    .string({ error: "must be text" })
    .trim()
    .min(1, { error: "must not be empty" })
    .transform((said) => said.slice(0, max).toWellFormed());

const Said = z.object({
  severity: z.preprocess(
    (said) => (typeof said === "string" ? said.trim().toUpperCase() : said),
    z.enum(SEVERITIES, { error: `must be one of ${SEVERITIES.join(", ")}` }),
  ),
  path: z
    .string({ error: "must be text" })
    .trim()
    .transform((path) => path.replace(/^(?:\.?\/)+/, ""))
    .pipe(z.string().min(1, { error: "must not be empty" })),
  start: Line,
  end: Line,
  title: text(MAX_TITLE),
  description: text(MAX_DESCRIPTION),
  suggestion: z.string({ error: "must be text or null" }).nullish(),
});

/**
 * The findings of a validator's answer: the last JSON object with `findings`. None at all is an
 * answer too. What it may say of counts or of a verdict is not looked at: both are ours.
 */
export function parseFindings(answer: string): Answer<readonly Finding[]> {
  const object = objectIn(answer, ["findings"]);
  if (!object.ok) return object;
  const { findings: said } = object.value;
  if (!Array.isArray(said)) return unusable('"findings" is not a list');
  if (said.length > MAX_FINDINGS) return unusable(`it has more than ${MAX_FINDINGS} findings`);
  const findings: Finding[] = [];
  for (const [index, one] of said.entries()) {
    const parsed = Said.safeParse(one);
    const place = `finding ${index + 1}`;
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return unusable(`${[place, ...(issue?.path ?? [])].join(".")} ${wordsOf(issue)}`);
    }
    const { suggestion, ...finding } = parsed.data;
    if (finding.end < finding.start) return unusable(`${place} ends before it starts`);
    findings.push({
      uid: uidOf(finding),
      ...finding,
      ...keptSuggestion(suggestion),
    });
  }
  return answered(merged(findings));
}

const keptSuggestion = (said: string | null | undefined): Pick<Finding, "suggestion"> =>
  said?.trim() && said.length <= MAX_SUGGESTION ? { suggestion: said.replace(/\n$/, "") } : {};

const wordsOf = (issue: z.core.$ZodIssue | undefined): string =>
  issue?.code === "invalid_type" && issue.path.length === 0
    ? "is not an object"
    : (issue?.message ?? "is wrong");

const uidOf = ({ path, start, end, title }: Pick<Finding, "path" | "start" | "end" | "title">) =>
  canonicalHash({ path, start, end, title: title.toLowerCase() }).slice(0, 12);

const rank = (severity: Severity): number => SEVERITIES.indexOf(severity);

/** One of each, at its worst severity, worst first and then by place. */
export function merged(findings: readonly Finding[]): Finding[] {
  const byUid = new Map<string, Finding>();
  for (const finding of findings) {
    const before = byUid.get(finding.uid);
    if (!before || rank(finding.severity) < rank(before.severity)) byUid.set(finding.uid, finding);
  }
  return [...byUid.values()].sort(
    (a, b) =>
      rank(a.severity) - rank(b.severity) ||
      (a.path < b.path ? -1 : a.path > b.path ? 1 : 0) ||
      a.start - b.start ||
      a.end - b.end,
  );
}

export function countsOf(findings: readonly Finding[]): Counts {
  const counts = { HIGH: 0, MEDIUM: 0, LOW: 0 };
  for (const { severity } of findings) counts[severity] += 1;
  return counts;
}
