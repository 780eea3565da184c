import { describe, expect, it } from "vitest";
import { parsePages } from "./pages.rules.ts";

const PAGE = { title: "Getting Started", path: "docs/start.md" };
const READ = { ...PAGE, slug: "getting-started" };

describe("a list of pages", () => {
  it.each<[string, string]>([
    ["YAML", "- title: Getting Started\n  path: docs/start.md\n"],
    ["YAML under pages", "pages:\n  - {title: Getting Started, path: docs/start.md}\n"],
    ["JSON", JSON.stringify([PAGE])],
    ["JSON under pages", JSON.stringify({ pages: [PAGE], more: 1 })],
  ])("is read as %s", (_, text) => {
    expect(parsePages(text)).toEqual({ ok: true, value: [READ] });
  });

  it("has slugs that are names of files, and no two the same", () => {
    const titles = ["Ünï & Code", "A", "a!", "A", "???", "a-2"];
    const pages = titles.map((title, n) => ({ title, path: `${n}.md` }));
    const given = [...pages, { title: "Z", path: "z.md", slug: "../A" }];
    const read = parsePages(JSON.stringify(given));
    expect(read.ok && read.value.map(({ slug }) => slug)).toEqual(
      // biome-ignore format: one each
      ["n-code", "a-2", "a-3", "a-4", "page", "a-2-2", "a"],
    );
  });
});

describe("what is no list of pages", () => {
  it.each<[string, string, RegExp]>([
    ["nothing", "", /^is empty$/],
    ["blanks and a comment", "\n# none yet\n", /^is empty$/],
    ["an empty list", "[]", /lists no page/],
    ["an empty list under pages", "pages: []", /lists no page/],
    ["pages without a list", "pages:\n", /holds no list of pages/],
    ["a text", "docs/start.md", /holds no list of pages.*expected a list of \{title, path/],
    ["a broken text", "- title: [", /neither YAML nor JSON/],
    ["broken JSON", '[{"title": "a", "path": "b"', /neither YAML nor JSON/],
    ["no path", "- title: a", /^page 1\.path/],
    ["an empty title", "- {title: a, path: b}\n- {title: '', path: b}", /^page 2\.title/],
    [
      "the same slug twice",
      "- {title: a, path: a, slug: X!}\n- {title: b, path: b, slug: x}",
      /^page 2\.slug: "x" is page 1's slug already; give each a slug of its own; expected a list/,
    ],
    ["several mistakes", "- {title: a}\n- {path: b}", /^page 1\.path: .*; page 2\.title: /],
    ["a path of two lines", '- {title: a, path: "a\\nb"}', /^page 1\.path: must be a path in/],
    ["texts", "- a.md\n- b.md", /^page 1: /],
    ["another key", "- {title: a, path: b, slgu: c}", /^page 1: .*slgu/],
    [
      "a path of the machine",
      "- {title: a, path: /etc/passwd}",
      /^page 1\.path: must be a path in/,
    ],
    [
      "a path out of it",
      "- {title: a, path: docs/../../b}",
      /^page 1\.path: must be a path inside/,
    ],
  ])("%s is told so", (_, text, problem) => {
    expect(parsePages(text)).toMatchObject({ ok: false, problem: expect.stringMatching(problem) });
  });
});
