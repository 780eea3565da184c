import { type Answer, answered, unusable } from "../answers/answer.ts";

/** Headings of a report on a bug, with what is said under each. */
type ReportForm = Readonly<Record<string, string>>;

const BUG = {
  Title: "one line",
  Severity: "high, medium or low, and for whom",
  "Root cause": "the place in the code (file and lines) and why it is wrong there",
};

/** As its discoverer gives it. */
export const DISCOVERY_FORM: ReportForm = {
  ...BUG,
  Reproduction: "steps from a fresh checkout, what is seen, what should be seen",
  Files: "the files involved",
};

/** As its validator commits it. */
export const REPORT_FORM: ReportForm = {
  ...BUG,
  Reproduction: "exact steps or the script, and what they print",
  "Proposed fix": "what to change and why that is enough, without changing it",
};

export const formText = (form: ReportForm): string =>
  Object.entries(form)
    .map(([section, said]) => `${section}: ${said}`)
    .join("\n");

/**
 * A report that has every section, with something in it. A heading is a line of its own or stands
 * before a colon, with whatever marks of Markdown; `# …` is a title too.
 */
export function wholeReport(report: string, form: ReportForm): Answer<string> {
  const sections = Object.keys(form);
  const held = new Map<string, string>();
  let current: string | undefined;
  for (const line of report.split("\n")) {
    const heading = headingIn(line, sections);
    current = heading?.section ?? current;
    if (current !== undefined)
      held.set(current, `${held.get(current) ?? ""} ${heading?.rest ?? line}`);
  }
  const missing = sections.filter((section) => !/[\p{L}\p{N}]/u.test(held.get(section) ?? ""));
  if (missing.length === 0) return answered(report);
  return unusable(
    `the report says nothing under ${missing.map((section) => `"${section}:"`).join(", ")}`,
  );
}

function headingIn(line: string, sections: readonly string[]) {
  const bare = line.replace(/^[\s>#*_`\d.)-]+/, "");
  for (const section of sections) {
    if (bare.slice(0, section.length).toLowerCase() !== section.toLowerCase()) continue;
    const rest = /^(?!\w)[^:]{0,40}(?::(.*))?$/.exec(bare.slice(section.length).trimEnd());
    if (rest) return { section, rest: rest[1] ?? "" };
  }
  return /^#\s/.test(line) ? { section: "Title", rest: bare } : undefined;
}
