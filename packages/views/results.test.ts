import {
  type ErrorCode,
  errorRecord,
  executionId,
  InstanceId,
  isReservedResult,
  type Outcome,
  PitayaError,
  textExcerpt,
} from "@pitaya/protocol";
import { expect, test } from "vitest";
import { csv } from "./csv.ts";
import { exitCodeOfRun } from "./exit-code.ts";
import { metricsSeries } from "./metrics-series.ts";
import { resultFiles } from "./result-files.ts";
import { type LogMessage, runLog } from "./run-log.ts";
import { type RunView, runView } from "./run-view.ts";
import { Summary, summaryOf } from "./summary.ts";
import {
  attemptFailed,
  composed,
  madeCommits,
  placed,
  sampleSpec,
  scheduled,
  wholeLog,
} from "./testing/index.ts";

function fold(messages: readonly LogMessage[]) {
  const log = runLog();
  const folded = runView();
  const series = metricsSeries();
  for (const message of messages) {
    for (const event of log.admit(message)) {
      folded.apply(event);
      series.apply(event);
    }
  }
  return { view: folded.view, rows: series.rows };
}

test("a log with everything in it gives the files that are kept as a sample", async () => {
  const { view, rows } = fold(wholeLog());
  const files = resultFiles(view, textExcerpt, rows);
  expect(files.map(({ path }) => path.replace(/instances\/.*/, "instances/*"))).toEqual([
    ...["summary.json", "summary.md", "metadata.json", "branches.txt", "instance_metrics.csv"],
    ...["metrics.csv", "strategy_output/simple_s1.json"],
    ...Array.from({ length: 6 }, () => "instances/*"),
  ]);
  expect(files.map(({ path }) => path).filter((path) => !isReservedResult(path))).toEqual([]);
  const texts = files.map((file) => {
    const text = "text" in file ? file.text : `${JSON.stringify(file.document, null, 2)}\n`;
    return `==> ${file.path} <==\n${text}\n`;
  });
  await expect(texts.join("")).toMatchFileSnapshot("samples/results.txt");
});

test("every key of the earlier summary is there, and what it says fits its schema", () => {
  const { view } = fold(wholeLog());
  const summary = summaryOf(view, textExcerpt);
  expect(Summary.parse(summary)).toEqual(summary);
  expect(Object.keys(summary)).toEqual(
    expect.arrayContaining([
      ...["run_id", "status", "started_at", "completed_at", "duration_seconds", "prompt"],
      ...["repo_path", "base_branch", "total_instances", "completed_instances"],
      ...["failed_instances", "total_cost", "total_tokens", "strategies", "results"],
    ]),
  );
  expect(Object.keys(summary.results[0] ?? {})).toEqual(
    expect.arrayContaining([
      ...["instance_id", "session_id", "branch_name", "status", "success", "error", "has_changes"],
      ...["duration_seconds", "cost", "tokens", "input_tokens", "output_tokens", "cost_usd"],
      ...["tokens_in", "tokens_out", "commit_count", "lines_added", "lines_deleted"],
      ...["container_name", "started_at", "completed_at", "metadata"],
    ]),
  );
  // Of a lost attempt nobody knows the cost: it is counted, never taken for 0.
  expect(summary.cost_unknown).toBe(3);
});

/** A run of so many executions, each with two instances and this outcome. */
function withOutcome(
  executions: number,
  outcome: (instances: readonly string[]) => Omit<Outcome, "instances">,
): RunView {
  const spec = { ...sampleSpec(), executions };
  return fold(
    composed(spec, function* (log) {
      yield log.decide({ type: "run.submitted", spec });
      for (let n = 1; n <= executions; n += 1) {
        const execution = executionId(n);
        const both = ["a", "b"].map((key) => scheduled(spec, key, n));
        const instances = both.map(({ instance }) => instance);
        yield log.decide({ type: "strategy.started", execution }, ...both);
        const completed = { ...outcome(instances), instances };
        yield log.decide({ type: "strategy.completed", execution, outcome: completed });
      }
    }),
  ).view;
}

test("the chosen instance has what its strategy says of it, in the summary and in the files", () => {
  const said = { score: 9, score_scale_max: 10 };
  const view = withOutcome(1, ([, second]) => ({
    ...{ status: "succeeded", chosen: InstanceId.parse(second), metadata: said },
    files: [{ path: "reports/A.md", text: { inline: "found" } }],
  }));
  const summary = summaryOf(view, textExcerpt);
  expect(Summary.parse(summary).strategies["s1"]).toMatchObject({ metadata: said });
  expect(summary.results.map(({ metadata }) => metadata)).toMatchObject([
    { counts: true, chosen: false },
    { counts: true, chosen: true, ...said },
  ]);
  expect(summary.results[0]?.metadata).not.toHaveProperty("score");
  const files = resultFiles(view, textExcerpt, []);
  const output = files.find(({ path }) => path.startsWith("strategy_output/"));
  expect(output).toMatchObject({
    document: {
      ...{ state: "completed", metadata: said, files: ["reports/A.md"] },
      results: [{ metadata: { key: "a" } }, { metadata: { key: "b", chosen: true, score: 9 } }],
    },
  });
  const [, instance] = files.filter(({ path }) => path.startsWith("instances/"));
  expect(instance).toMatchObject({ document: { metadata: { chosen: true, score: 9 } } });
});

test("a strategy's files stand apart for each execution, and never in place of ours", () => {
  const names = ["reports/A.md", "summary.json", "Instances/x.json", "strategy_output"];
  const outcome = () => ({
    status: "failed" as const,
    files: names.map((path) => ({ path, text: { inline: path } })),
  });
  const pathsOf = (executions: number) => {
    const files = resultFiles(withOutcome(executions, outcome), textExcerpt, []);
    return files.flatMap((file) => ("text" in file && names.includes(file.text) ? file.path : []));
  };
  expect(pathsOf(1)).toEqual(["reports/A.md"]);
  expect(pathsOf(2)).toEqual(["s1", "s2"].flatMap((id) => names.map((path) => `${id}/${path}`)));
});

test("how a check ended stands in its document", () => {
  const spec = sampleSpec();
  const { instance } = scheduled(spec, "verify");
  const verify = { exitCode: 2, timedOut: false, output: "1 of 3 failed\n" };
  const { view } = fold(
    composed(spec, function* (log) {
      yield log.decide({ type: "run.submitted", spec });
      yield log.decide(scheduled(spec, "verify"), placed(spec, "verify"));
      yield log.fact(instance, 1, { type: "attempt.claimed" });
      yield log.fact(instance, 1, madeCommits({ verify }));
      yield log.decide({ type: "instance.succeeded", instance, attempt: 1 });
    }),
  );
  const document = resultFiles(view, textExcerpt, []).find(({ path }) =>
    path.endsWith(`${instance}.json`),
  );
  expect(document).toMatchObject({
    document: {
      verify: { exit_code: 2, timed_out: false, output: "1 of 3 failed\n" },
      metadata: { verify_exit_code: 2, verify_timed_out: false },
    },
  });
});

test("why a strategy failed stands in the page", () => {
  const view = withOutcome(1, () => ({ status: "failed", reason: "0 of 2 | are viable" }));
  const page = resultFiles(view, textExcerpt, []).find(({ path }) => path === "summary.md");
  expect(page).toMatchObject({
    text: expect.stringContaining("s1: failed, 0 of 2 \\| are viable"),
  });
});

/** A run whose instances failed with these codes, and that failed itself with one. */
function failedWith(own: ErrorCode, instances: readonly ErrorCode[]): RunView {
  const spec = sampleSpec();
  const error = (code: ErrorCode) => errorRecord(new PitayaError(code, "why"));
  return fold(
    composed(spec, function* (log) {
      yield log.decide({ type: "run.submitted", spec });
      for (const [n, code] of instances.entries()) {
        const { instance } = scheduled(spec, `k${n}`);
        yield log.decide(scheduled(spec, `k${n}`), placed(spec, `k${n}`));
        yield log.fact(instance, 1, { type: "attempt.claimed" });
        yield log.fact(instance, 1, attemptFailed({ error: error(code) }));
        yield log.decide({ type: "instance.failed", instance, error: error(code) });
      }
      yield log.decide({ type: "run.failed", error: error(own) });
    }),
  ).view;
}

test.each<[number, ErrorCode, readonly ErrorCode[]]>([
  [3, "strategy_failed", []],
  [3, "strategy_failed", ["agent_failed"]],
  [4, "strategy_failed", ["credentials_refused"]],
  [4, "credentials_refused", ["credentials_refused"]],
  [3, "strategy_failed", ["credentials_refused", "timeout"]],
  [5, "strategy_failed", ["budget", "budget"]],
  [5, "budget", ["agent_failed"]],
  [1, "strategy_failed", ["image_missing"]],
  [1, "image_missing", []],
])("a failed run ends with %i: %s of %j", (code, own, instances) => {
  expect(exitCodeOfRun(failedWith(own, instances))).toBe(code);
});

test("a run that succeeded ends with 0, one stopped with 2, one that runs with none", () => {
  const spec = sampleSpec();
  const after = (...types: readonly ("run.succeeded" | "run.cancelled" | "run.interrupted")[]) =>
    exitCodeOfRun(
      fold(
        composed(spec, function* (log) {
          yield log.decide({ type: "run.submitted", spec });
          for (const type of types) {
            yield log.decide(type === "run.interrupted" ? { type, reason: "Ctrl-C" } : { type });
          }
        }),
      ).view,
    );
  expect([
    after(),
    after("run.succeeded"),
    after("run.cancelled"),
    after("run.interrupted"),
  ]).toEqual([undefined, 0, 2, 2]);
});

test("cells with commas, quotes and line ends are quoted", () => {
  expect(
    csv(
      ["a", "b"],
      [
        ["x,y", 'say "hi"'],
        ["two\nlines", null],
      ],
    ),
  ).toBe('a,b\n"x,y","say ""hi"""\n"two\nlines",\n');
});
