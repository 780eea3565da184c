import { textExcerpt } from "@pitaya/protocol";
import { type OutwardEvent, projectEvent, runLog, runView, summaryOf } from "@pitaya/views";
import { composed, sampleSpec, wholeLog } from "@pitaya/views/testing";
import fc from "fast-check";
import { expect, test } from "vitest";
import { costText, countText, durationText } from "./amounts.rules.ts";
import { cutToWidth, frameOf } from "./live/frame.rules.ts";
import { erase, redraw } from "./live/redraw.rules.ts";
import { outputMode } from "./mode.rules.ts";
import { printable, shorten } from "./printable.rules.ts";
import { streamingLine } from "./streaming.rules.ts";
import { nextSteps, summaryText } from "./summary-text.rules.ts";
import { table } from "./table.rules.ts";

function folded(length = Number.POSITIVE_INFINITY) {
  const log = runLog();
  const fold = runView();
  const events: OutwardEvent[] = [];
  for (const message of wholeLog().slice(0, length)) {
    for (const [index, event] of log.admit(message).entries()) {
      fold.apply(event);
      events.push(...projectEvent(sampleSpec().run, event, index, fold.view, textExcerpt));
    }
  }
  return { view: fold.view, events };
}

test("every lifecycle event is a plain line, and failures have type and message", async () => {
  const lines = folded().events.map((event) => streamingLine(event, false));
  const text = lines.filter((line) => line !== undefined).map((line) => `${line}\n`);
  await expect(text.join("")).toMatchFileSnapshot("samples/streaming.txt");
});

test("a run's first line has the models that its parameters say", () => {
  const params = { n: 3, model: "haiku", models: ["opus", "x"], scorer_model: "gpt" };
  const spec = sampleSpec({ strategy: { name: "best-of-n", params } });
  const [message] = composed(spec, function* (log) {
    yield log.decide({ type: "run.submitted", spec });
  });
  if (message === undefined) throw new Error("no message");
  const fold = runView();
  const lines = runLog()
    .admit(message)
    .flatMap((event, index) => {
      fold.apply(event);
      return projectEvent(spec.run, event, index, fold.view, textExcerpt);
    })
    .map((event) => streamingLine(event, false));
  expect(lines[0]).toMatch(/ model=haiku models=opus,x scorer_model=gpt base=main$/);
  expect(summaryOf(fold.view, textExcerpt).model).toBe("haiku");
});

test("the summary says what became of each instance, and what to type next", async () => {
  const summary = summaryOf(folded().view, textExcerpt);
  await expect(summaryText(summary, ".pitaya/results/x")).toMatchFileSnapshot(
    "samples/summary.txt",
  );
});

test("what waits for its next attempt says until when", () => {
  const summary = summaryOf(folded().view, textExcerpt);
  const [result] = summary.results;
  if (!result) throw new Error("there is no sample");
  const retry_at = "2026-01-02T04:05:06.000Z";
  const results = [{ ...result, status: "running" as const, uncommitted: false, retry_at }];
  expect(summaryText({ ...summary, results }, undefined)).toContain(`tries again at ${retry_at}`);
});

test("the branch to look at next is the chosen one's", () => {
  const summary = summaryOf(folded().view, textExcerpt);
  const [result] = summary.results;
  const [execution] = Object.values(summary.strategies);
  if (!result || !execution) throw new Error("there is no sample");
  const imported = (id: string) => ({
    ...result,
    ...{ instance_id: id, branch_name: `of-${id}`, imported_ref: `refs/heads/of-${id}` },
  });
  const results = [imported("a"), imported("b")];
  const stepsFor = (chosen: string | null) =>
    nextSteps({ ...summary, results, strategies: { s1: { ...execution, chosen } } });
  expect(stepsFor("b")[0]).toMatch(/^git diff \w{12}\.\.of-b$/);
  expect(stepsFor(null)[0]).toMatch(/of-a$/);
});

test("work that was chosen and changed nothing is told as such", () => {
  const summary = summaryOf(folded().view, textExcerpt);
  const [result] = summary.results;
  const [execution] = Object.values(summary.strategies);
  if (!result || !execution) throw new Error("there is no sample");
  const s1 = { ...execution, state: "completed" as const, chosen: result.instance_id };
  const text = (has_changes: boolean) =>
    summaryText(
      { ...summary, strategies: { s1 }, results: [{ ...result, has_changes }] },
      undefined,
    );
  expect(text(false)).toMatch(/s1 chose .*, which changed nothing\n/);
  expect(text(true)).not.toMatch(/changed nothing/);
});

test("what others wrote does nothing to a terminal", () => {
  expect(printable("a\u001b[31mred\u001b[0m\u0007 b\r\nc\u202e\u200bd\u009b2J")).toBe("ared b cd");
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
      expect(printable(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
    }),
    { seed: 1 },
  );
  expect(shorten("😀😀😀", 2)).toBe("😀…");
});

test("amounts are short, and an unknown cost is never 0", () => {
  expect([0, 59.4, 65, 3_725].map(durationText)).toEqual(["0s", "59s", "1m05s", "1h02m"]);
  expect([950, 12_345, 4_100_000].map(countText)).toEqual(["950", "12.3k", "4.1M"]);
  expect([costText(0.5, 0), costText(12, 2), costText(0, 3), costText(0, 0)]).toEqual([
    "$0.5000",
    "$12.00 and 2 attempts of unknown cost",
    "unknown",
    "$0.0000",
  ]);
});

test("of any moment of a run the frame fits the terminal", () => {
  const activities = new Map([["x", { phase: "assistant", text: "x" }]]);
  fc.assert(
    fc.property(
      fc.nat({ max: wholeLog().length }),
      fc.integer({ min: 1, max: 120 }),
      fc.integer({ min: 1, max: 40 }),
      (length, columns, rows) => {
        const { view } = folded(length);
        const input = { view, activities, now: Date.UTC(2026, 0, 2, 3, 5), columns, rows };
        const lines = frameOf({ ...input, footer: "Ctrl-C interrupts the run" });
        expect(lines.length).toBeLessThanOrEqual(Math.max(1, rows - 1));
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(Math.max(0, columns - 1));
      },
    ),
    { seed: 1, numRuns: 60 },
  );
});

test("what needs attention stands first in the frame, and what is done last", () => {
  const { view } = folded();
  const lines = frameOf({
    ...{ view, activities: new Map(), now: 0, columns: 120, rows: 40, footer: "" },
  });
  expect(lines[1]).toContain("failed");
  expect(lines[1]).toContain("agent_failed: the agent exited with 1");
});

test("wide characters take two columns", () => {
  expect(cutToWidth("a日本", 4)).toBe("a日");
  expect(cutToWidth("abc", 3)).toBe("abc");
});

/** A terminal of lines that understands what the view writes. */
function terminal() {
  let rows: string[] = [""];
  let row = 0;
  return {
    write(text: string) {
      for (const [, up, clear, below, mode, other] of text.matchAll(
        // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what a terminal reads
        /\u001b\[(\d+)A|(\u001b\[2K)|(\u001b\[0J)|(\u001b\[\?7[lh])|([\s\S])/g,
      )) {
        if (up) row -= Number(up);
        else if (clear) rows[row] = "";
        else if (below) rows = [...rows.slice(0, row), ""];
        else if (other === "\n") rows[++row] ??= "";
        else if (other !== undefined && other !== "\r") rows[row] += other;
        else if (mode) continue;
      }
    },
    get text() {
      return rows.join("\n");
    },
  };
}

test("a frame is drawn over the one before it, taller or lower, and goes away whole", () => {
  const frame = fc.array(fc.stringMatching(/^[a-z]{0,9}$/), { maxLength: 6 });
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 6 }), (frames) => {
      const screen = terminal();
      screen.write("above\n");
      let before = 0;
      for (const lines of frames) {
        screen.write(redraw(before, lines));
        before = lines.length;
        expect(screen.text).toBe(["above", ...lines, ""].join("\n"));
      }
      screen.write(erase(before));
      expect(screen.text).toBe("above\n");
    }),
    { seed: 1 },
  );
});

test("the live view is for a person at a terminal who asked for nothing else", () => {
  const of = (tty: boolean, env: Record<string, string>, asked: boolean, noTui = false) =>
    outputMode(
      {
        values: { output: "json" },
        sources: new Map([["output", asked ? "flag" : "default"]]),
      } as never,
      noTui,
      { stdout: { isTTY: tty }, stderr: { isTTY: tty }, env } as never,
    );
  expect(of(true, {}, false)).toBe("live");
  expect(of(true, { NO_COLOR: "1", CI: "false" }, false)).toBe("live");
  for (const other of [
    of(false, {}, false),
    of(true, { TERM: "dumb" }, false),
    of(true, { CI: "true" }, false),
    of(true, {}, true),
    of(true, {}, false, true),
  ]) {
    expect(other).toBe("json");
  }
});

test("a table's columns line up and no line ends in blanks", () => {
  expect(
    table(
      ["A", "BB"],
      [
        ["1", ""],
        ["22", "3"],
      ],
    ),
  ).toBe("A   BB\n1\n22  3\n");
});
