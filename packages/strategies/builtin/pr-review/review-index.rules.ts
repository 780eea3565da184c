import type { Counts, Finding } from "./findings.rules.ts";
import type { ReviewEvent, Verdict } from "./verdict.rules.ts";

/** What `review/index.json` holds. */
export interface ReviewIndex {
  readonly verdict: Verdict;
  readonly event: ReviewEvent;
  readonly intro: string;
  readonly counts: Counts;
  /** The commit that was reviewed. */
  readonly commit_id: string;
  readonly selected_ids: readonly string[];
  readonly selected_details: readonly {
    readonly uid: string;
    readonly path: string;
    readonly start: number;
    readonly end: number;
    readonly severity: string;
    readonly title: string;
    readonly desc: string;
    readonly suggestion: { readonly kind: "gh" | "none"; readonly code: string };
  }[];
  /** The review as the API for pull requests of GitHub takes it. */
  readonly review: {
    readonly commit_id: string;
    readonly body: string;
    readonly event: ReviewEvent;
    readonly comments: readonly ReviewComment[];
  };
}

interface ReviewComment {
  readonly path: string;
  /** Last line of the comment's place. */
  readonly line: number;
  readonly side: "RIGHT";
  /** Where the place has more than one line. */
  readonly start_line?: number;
  readonly start_side?: "RIGHT";
  readonly body: string;
}

export interface ReviewParts {
  readonly verdict: Verdict;
  readonly event: ReviewEvent;
  readonly intro: string;
  readonly commit: string;
  /** Of all findings, shown or not. */
  readonly counts: Counts;
  readonly shown: readonly Finding[];
}

/** Below what a file of an outcome may have, in bytes. */
const MAX_BYTES = 1_000_000;

/** The index as text. Where it would be too long the least of the findings shown are left out. */
export function reviewIndexText(parts: ReviewParts): string {
  for (let { shown } = parts; ; shown = shown.slice(0, Math.floor(shown.length / 2))) {
    const text = `${JSON.stringify(reviewIndex({ ...parts, shown }), null, 2)}\n`;
    if (shown.length === 0 || new TextEncoder().encode(text).length <= MAX_BYTES) return text;
  }
}

export function reviewIndex(parts: ReviewParts): ReviewIndex {
  const { verdict, event, intro, commit, counts, shown } = parts;
  return {
    verdict,
    event,
    intro,
    counts,
    commit_id: commit,
    selected_ids: shown.map(({ uid }) => uid),
    selected_details: shown.map(({ uid, path, start, end, severity, title, ...rest }) => ({
      ...{ uid, path, start, end, severity, title },
      desc: rest.description,
      suggestion:
        rest.suggestion === undefined
          ? { kind: "none", code: "" }
          : { kind: "gh", code: rest.suggestion },
    })),
    review: { commit_id: commit, body: intro, event, comments: shown.map(commentOf) },
  };
}

function commentOf(finding: Finding): ReviewComment {
  const { path, start, end, severity, title, description, suggestion } = finding;
  const body = [
    `**[${severity}] ${title}**`,
    description,
    ...(suggestion === undefined ? [] : [fenced("suggestion", suggestion)]),
  ].join("\n\n");
  const place = start === end ? {} : ({ start_line: start, start_side: "RIGHT" } as const);
  return { path, line: end, side: "RIGHT", ...place, body };
}

/** A fence longer than any in the code. */
function fenced(language: string, code: string): string {
  const longest = Math.max(2, ...(code.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${code}\n${fence}`;
}
