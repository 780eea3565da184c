import { describe, expect, it } from "vitest";
import { countsOf, merged, parseFindings } from "./findings.rules.ts";

const FINDING = {
  severity: "HIGH",
  path: "src/a.ts",
  start: 3,
  end: 5,
  title: "Off by one",
  description: "The last item is lost.",
};
const answer = (...findings: unknown[]) => JSON.stringify({ findings });
const parsed = (...findings: unknown[]) => {
  const read = parseFindings(answer(...findings));
  if (!read.ok) throw new Error(read.problem);
  return read.value;
};

describe("findings", () => {
  it("are read from the last JSON of an answer, and get ids of their own", () => {
    const text = `Before: ${answer()}\n\`\`\`json\n${answer({ ...FINDING, uid: "mine" })}\n\`\`\`\nDone`;
    const read = parseFindings(text);
    expect(read).toEqual({
      ok: true,
      value: [{ ...FINDING, uid: expect.stringMatching(/^[0-9a-f]{12}$/) }],
    });
  });

  it("may be none", () => {
    expect(parseFindings(`\`\`\`json\n${answer()}\n\`\`\``)).toEqual({ ok: true, value: [] });
  });

  it("are taken as they are meant: severity in any case, a path from the root", () => {
    expect(parsed({ ...FINDING, severity: " high", path: "./src/a.ts" })).toEqual(parsed(FINDING));
    expect(parsed({ ...FINDING, path: "/src/a.ts" })).toEqual(parsed(FINDING));
  });

  it("that are the same are one, at its worst severity", () => {
    const low = { ...FINDING, severity: "LOW", title: "off by ONE" };
    expect(parsed(low, FINDING, low)).toMatchObject([{ severity: "HIGH" }]);
  });

  it("come worst first, then by place", () => {
    const found = parsed(
      { ...FINDING, severity: "LOW" },
      { ...FINDING, path: "src/b.ts", title: "b" },
      { ...FINDING, start: 4, title: "later" },
      { ...FINDING, end: 3, title: "first" },
    );
    expect(merged(found).map(({ title }) => title)).toEqual(["first", "later", "b", "Off by one"]);
    expect(countsOf(found)).toEqual({ HIGH: 3, MEDIUM: 0, LOW: 1 });
  });

  it("keep a suggestion, unless it is blank or too long to be shown whole", () => {
    expect(parsed({ ...FINDING, suggestion: "  x;\n" })).toMatchObject([{ suggestion: "  x;" }]);
    for (const suggestion of [null, undefined, " \n", "x".repeat(5_000)]) {
      expect(parsed({ ...FINDING, suggestion })[0]).not.toHaveProperty("suggestion");
    }
  });
});

describe("an answer without findings", () => {
  it.each<[string, string, RegExp]>([
    ["prose", "All fine.", /no JSON object/],
    ["broken JSON", '{"findings": [}', /not valid JSON/],
    ["a verdict alone", '{"verdict": "PASS"}', /no "findings"/],
    ["a text", '{"findings": "none"}', /not a list/],
    ["texts", '{"findings": ["bad"]}', /^finding 1 is not an object/],
    ["no title", answer({ ...FINDING, title: undefined }), /^finding 1\.title must be text/],
    [
      "an empty path",
      answer(FINDING, { ...FINDING, path: "./" }),
      /^finding 2\.path must not be e/,
    ],
    [
      "another severity",
      answer({ ...FINDING, severity: "BLOCKER" }),
      /must be one of HIGH, MEDIUM/,
    ],
    ["a line 0", answer({ ...FINDING, start: 0 }), /^finding 1\.start must be 1 or more/],
    ["a line as text", answer({ ...FINDING, end: "5" }), /^finding 1\.end must be a line number/],
    ["lines backwards", answer({ ...FINDING, end: 2 }), /^finding 1 ends before it starts/],
    ["too many", answer(...Array.from({ length: 101 }, () => FINDING)), /more than 100/],
  ])("%s is told so", (_, text, problem) => {
    expect(parseFindings(text)).toMatchObject({
      ok: false,
      problem: expect.stringMatching(problem),
    });
  });
});
