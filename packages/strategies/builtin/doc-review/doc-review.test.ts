import { describe, expect, it } from "vitest";
import { type Answer, runStrategy, type ScriptedTask, type TestRun } from "../../testing/index.ts";
import { docReview } from "./doc-review.ts";

const PAGES = "- {title: Start, path: docs/start.md}\n- {title: API, path: docs/api.md}\n";
const DIR = "reports/doc-review";
const raw = (slug: string, reviewer = 1) => `${DIR}/raw/REPORT_${slug}__r${reviewer}.md`;
const FAILED: Answer = { error: "agent_failed", text: "exit 1" };

type Parts = Partial<Record<"review" | "validate" | "compose", (task: ScriptedTask) => Answer>>;

/** Where a part is left out, it does what it is asked. */
const run = (params: NonNullable<TestRun["params"]>, parts: Parts = {}, pages = PAGES) =>
  runStrategy(docReview, {
    params: { pages_file: "pages.yml", ...params },
    crash: "after-every-step",
    files: { "pages.yml": pages },
    script(task) {
      const [, slug = "", reviewer, step] =
        /^page\/([^/]+)\/r(\d+)\/(review|validate)\//.exec(task.key) ?? [];
      const path = raw(slug, Number(reviewer));
      if (step === "review")
        return parts.review?.(task) ?? { files: { [path]: `found in ${slug}` } };
      if (step === "validate") {
        return parts.validate?.(task) ?? { files: { [path]: `${task.readFile(path)}, checked` } };
      }
      return parts.compose?.(task) ?? { files: { [`${DIR}/REPORT.md`]: "the report" } };
    },
  });

describe("doc-review", () => {
  it("reviews each page, checks each review, and ends in one report", async () => {
    const tested = await run({ reviewers_per_page: 2, composer_model: "opus" });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: [
        "compose/attempt-1",
        ...["start/r1", "start/r2", "api/r1", "api/r2"].map((p) => `page/${p}/validate/attempt-1`),
      ],
      metadata: {
        ...{ pages: 2, reviews: 4, reports: 4, missing: 0 },
        report_path: "reports/doc-review/REPORT.md",
        report_branch: tested.task("compose/attempt-1").branch,
      },
    });
    expect(tested.outcome.files).toEqual({
      "reports/doc-review/REPORT.md": "the report",
      [raw("start", 1)]: "found in start, checked",
      [raw("start", 2)]: "found in start, checked",
      [raw("api", 1)]: "found in api, checked",
      [raw("api", 2)]: "found in api, checked",
    });
    const reviewer = tested.task("page/start/r2/review/attempt-1");
    expect(reviewer.task).toMatchObject({
      baseBranch: "main",
      prompt: expect.stringContaining(`write your report to the file ${raw("start", 2)}`.slice(5)),
    });
    expect(tested.task("page/start/r2/validate/attempt-1").task).toMatchObject({
      baseBranch: reviewer.branch,
    });
    expect(tested.task("compose/attempt-1").task).toMatchObject({
      ...{ baseBranch: "main", model: "opus" },
      prompt: expect.stringContaining(
        "Page: API (docs/api.md), reviewer 2\n\nfound in api, checked",
      ),
    });
  });

  it("asks a reviewer that forgets its report again, and says what is missing", async () => {
    const forgets = ({ key }: ScriptedTask): Answer => {
      if (key.endsWith("attempt-1")) return { message: "All is well." };
      if (key.endsWith("attempt-2")) return { files: { "notes.md": "x" } };
      const [, slug = ""] = key.split("/");
      return { files: { [raw(slug)]: "at last" } };
    };
    const tested = await run({}, { review: forgets });
    expect(tested.task("page/api/r1/review/attempt-2").task).toMatchObject({
      prompt: expect.stringContaining("nothing was committed"),
    });
    expect(tested.task("page/api/r1/review/attempt-3").task).toMatchObject({
      prompt: expect.stringContaining(`there is no file ${raw("api")}`),
    });
    expect(tested.outcome.status).toBe("succeeded");
  });

  it("fails where a report is missing to the end, and composes what there is", async () => {
    const review = ({ key }: ScriptedTask): Answer =>
      key.startsWith("page/api/") ? {} : { files: { [raw("start")]: "found" } };
    const tested = await run({ reviewer_max_retries: 1 }, { review });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(
        /^1 of 2 reviews have no report: API \(docs\/api.md\), reviewer 1: nothing was committed/,
      ),
      metadata: { reports: 1, missing: 1 },
      files: { "reports/doc-review/REPORT.md": "the report" },
    });
    expect(tested.task("compose/attempt-1").task).toMatchObject({
      prompt: expect.stringContaining("<missing>\nAPI (docs/api.md), reviewer 1\n</missing>"),
    });
  });

  it("fails where there is no report at all, and composes nothing", async () => {
    const tested = await run({}, { review: () => FAILED });
    expect(tested.outcome).toMatchObject({ status: "failed", tasks: [], metadata: { reports: 0 } });
    expect(tested.tasks).toHaveLength(8);
  });

  it("a validator that changes nothing leaves the reviewer's report as it is", async () => {
    const tested = await run({}, { validate: () => ({ message: "Every finding stands." }) });
    expect(tested.outcome).toMatchObject({
      status: "succeeded",
      tasks: [
        "compose/attempt-1",
        "page/start/r1/review/attempt-1",
        "page/api/r1/review/attempt-1",
      ],
      files: { [raw("api")]: "found in api" },
    });
  });

  it.each<[string, Answer, RegExp]>([
    [
      "removes the report",
      { files: { [raw("start")]: null, [raw("api")]: null } },
      /there is no f/,
    ],
    ["breaks down", FAILED, /exit 1/],
  ])("a validator that %s every time fails the review", async (_, answer, reason) => {
    const tested = await run({ validator_max_retries: 0 }, { validate: () => answer });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(reason),
    });
  });

  it("asks for a missing final report once more, then fails and keeps the raw ones", async () => {
    const tested = await run({}, { compose: () => ({ message: "Here it is: ..." }) });
    expect(tested.task("compose/attempt-2").task).toMatchObject({
      prompt: expect.stringContaining("<correction>"),
    });
    expect(tested.outcome).toMatchObject({
      status: "failed",
      reason: expect.stringMatching(/^there is no reports\/doc-review\/REPORT.md: nothing was/),
    });
    expect(Object.keys(tested.outcome.files ?? {})).toEqual([raw("start"), raw("api")]);
  });

  it("keeps pages of the same title apart", async () => {
    const twice = JSON.stringify([
      { title: "Start", path: "a.md" },
      { title: "start!", path: "b.md" },
    ]);
    const tested = await run({ report_dir: "docs/audit" }, { review: () => ({}) }, twice);
    expect(tested.tasks[0]?.key).toBe("page/start/r1/review/attempt-1");
    expect(tested.task("page/start-2/r1/review/attempt-1").task).toMatchObject({
      prompt: expect.stringContaining("docs/audit/raw/REPORT_start-2__r1.md"),
    });
  });

  const check = async (pages: string) =>
    docReview.check?.({
      params: docReview.params.parse({ pages_file: "pages.yml" }),
      baseBranch: "main",
      files: { "pages.yml": pages },
      missingPaths: async (paths) => paths.filter((path) => path !== "docs/start.md"),
    });

  it("has nothing against a list of pages that are there", async () => {
    expect(await check("- {title: Start, path: docs/start.md}")).toEqual([]);
  });

  it.each([
    ["", "pages.yml is empty"],
    ["- {title: Start}", /^pages.yml page 1\.path: .*expected a list of \{title, path, slug\?\}/],
    [
      `${PAGES}- {title: New, path: docs/new.md}`,
      "pages.yml lists files that main does not have: docs/api.md (page 2), docs/new.md (page 3); mend the list, or commit them",
    ],
  ])("the list of pages %j is refused before the run is submitted", async (pages, message) => {
    const stringMatching = expect.stringMatching(message);
    const problem = typeof message === "string" ? message : stringMatching;
    expect(await check(pages)).toEqual([{ param: "pages_file", message: problem }]);
  });

  it.each([
    ["", /pages_file pages.yml is empty/],
    ["- {title: Start}", /pages_file pages.yml page 1\.path/],
    ["- {title: [", /pages_file pages.yml is neither YAML nor JSON/],
  ])("the list of pages %j is refused before anything starts", async (pages, message) => {
    const tested = await run({}, {}, pages);
    expect(tested.error).toMatchObject({ code: "usage", message: expect.stringMatching(message) });
    expect(tested.tasks).toEqual([]);
  });
});
