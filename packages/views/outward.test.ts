import { type ErrorCode, type Fact, textExcerpt } from "@pitaya/protocol";
import { expect, test } from "vitest";
import { z } from "zod";
import { earlierErrorType } from "./earlier-error-type.ts";
import { projectEvent } from "./outward.ts";
import { OutwardEvent } from "./outward-event.ts";
import { projectOutput } from "./outward-output.ts";
import { type LogMessage, runLog } from "./run-log.ts";
import { runView } from "./run-view.ts";
import { composed, madeCommits, placed, sampleSpec, scheduled, wholeLog } from "./testing/index.ts";
import { cutUtf8 } from "./utf8.ts";

/** Projects messages in the order given, as every reader of a log does. */
function project(messages: readonly LogMessage[], run = sampleSpec().run): OutwardEvent[] {
  const log = runLog();
  const fold = runView();
  return messages.flatMap((message) =>
    log.admit(message).flatMap((event, index) => {
      fold.apply(event);
      return projectEvent(run, event, index, fold.view, textExcerpt);
    }),
  );
}

test("a log with everything in it gives the lines that are kept as a sample", async () => {
  const lines = project(wholeLog()).map(
    (event) => `${JSON.stringify(OutwardEvent.parse(event))}\n`,
  );
  await expect(lines.join("")).toMatchFileSnapshot("samples/outward.jsonl");
});

test("the shipped JSON Schema is that of the lines", async () => {
  const schema = z.toJSONSchema(OutwardEvent, { target: "draft-2020-12", io: "input" });
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot("outward.schema.json");
});

test("payloads keep every key of the earlier Pitaya", () => {
  const keys: Readonly<Record<string, readonly string[]>> = {
    "strategy.started": ["name", "params"],
    "strategy.completed": ["status"],
    "task.scheduled": [
      ...["key", "instance_id", "container_name", "branch_name", "model"],
      ...["base_branch", "task_fingerprint_hash"],
    ],
    "task.started": ["key", "instance_id", "container_name", "model"],
    "task.progress": ["key", "instance_id", "phase"],
    "task.completed": [
      ...["key", "instance_id", "artifact", "metrics", "final_message"],
      ...["final_message_truncated", "final_message_path"],
    ],
    "task.failed": ["key", "instance_id", "error_type", "message", "network_egress"],
    "task.interrupted": ["key", "instance_id"],
  };
  const events = project(wholeLog());
  for (const [type, expected] of Object.entries(keys)) {
    const event = events.find((each) => each.type === type);
    expect(Object.keys(event?.payload ?? {}), type).toEqual(expect.arrayContaining([...expected]));
  }
  const completed = events.find((each) => each.type === "task.completed");
  expect(completed?.payload).toMatchObject({
    artifact: {
      ...{ type: "branch", branch_planned: expect.any(String), branch_final: expect.any(String) },
      ...{ base: "a".repeat(40), commit: "d".repeat(40), has_changes: true },
      ...{ duplicate_of_branch: null, dedupe_reason: null },
    },
  });
});

test("a cancelled run cancels the strategy executions that were open", () => {
  const spec = sampleSpec();
  const { execution } = scheduled(spec, "main");
  const events = project(
    composed(spec, function* (log) {
      yield log.decide({ type: "run.submitted", spec });
      yield log.decide({ type: "strategy.started", execution });
      yield log.decide({ type: "run.cancelled" });
    }),
  );
  expect(events.slice(-2)).toMatchObject([
    { id: "e3.0", type: "strategy.completed", payload: { status: "canceled" } },
    { id: "e3.0.1", type: "run.cancelled" },
  ]);
});

test("a long final message is cut between characters, and its file is named", () => {
  const spec = sampleSpec();
  const { instance, execution } = scheduled(spec, "main");
  const long = "ä".repeat(40_000);
  const fact: Fact = madeCommits({ finalMessage: { inline: long } });
  const events = project(
    composed(spec, function* (log) {
      yield log.decide({ type: "run.submitted", spec });
      yield log.decide({ type: "strategy.started", execution }, scheduled(spec, "main"));
      yield log.decide(placed(spec, "main"));
      yield log.fact(instance, 1, { type: "attempt.claimed" });
      yield log.fact(instance, 1, fact);
      yield log.decide({ type: "instance.succeeded", instance, attempt: 1 });
    }),
  );
  expect(events.at(-1)?.payload).toMatchObject({
    final_message: "ä".repeat(32_768),
    final_message_truncated: true,
    final_message_path: `final_messages/${instance}.txt`,
  });
  expect(cutUtf8("aä€😀", 9)).toEqual({ text: "aä€", cut: true });
  expect(cutUtf8("aä€😀", 10)).toEqual({ text: "aä€😀", cut: false });
});

test.each<[ErrorCode, string]>([
  ["image_missing", "docker"],
  ["overloaded", "api"],
  ["provider_unreachable", "network"],
  ["bundle_rejected", "git"],
  ["stalled", "timeout"],
  ["credentials_refused", "auth"],
  ["internal", "unknown"],
])("the earlier Pitaya would have called %s %s", (code, type) => {
  expect(earlierErrorType(code)).toBe(type);
});

test("steps are told once their attempt is placed on the runner they came from", () => {
  const spec = sampleSpec();
  const { instance } = scheduled(spec, "main");
  const records = [
    { type: "session", sessionId: "s-1", model: "sonnet" },
    { type: "message", text: "hello" },
    { type: "tool_call", id: "t1", tool: "Bash", summary: "npm test" },
    { type: "tool_result", id: "t1", ok: false, summary: "1 failed" },
    { type: "final" },
  ];
  const output = (runner: string, payload: string, kind = "records") => ({
    subject: `pitaya.v1.out.${runner}.${spec.run}.${instance}.1`,
    sequence: 7,
    storedAt: new Date("2026-01-02T03:05:00.000Z"),
    payload: new TextEncoder().encode(payload),
    headers: { "Pitaya-Kind": kind },
  });
  const good = JSON.stringify({ v: 1, records });
  const fold = runView();
  const log = runLog();
  expect(projectOutput(spec.run, output("runner-1", good), fold.view)).toBeUndefined();
  const messages = composed(spec, function* (write) {
    yield write.decide({ type: "run.submitted", spec });
    yield write.decide(scheduled(spec, "main"));
    yield write.decide(placed(spec, "main"));
  });
  for (const message of messages) for (const event of log.admit(message)) fold.apply(event);
  expect(projectOutput(spec.run, output("runner-2", good), fold.view)).toBeUndefined();
  const events = projectOutput(spec.run, output("runner-1", good), fold.view) ?? [];
  expect(events.map((event) => OutwardEvent.parse(event))).toMatchObject([
    { id: "o7.0", payload: { phase: "system", activity: "session s-1 on sonnet" } },
    { id: "o7.1", payload: { phase: "assistant", activity: "hello" } },
    { id: "o7.2", payload: { phase: "tool_use", tool: "Bash", activity: "npm test" } },
    { id: "o7.3", payload: { phase: "tool_result", tool_ok: false } },
  ]);
  expect(projectOutput(spec.run, output("runner-1", "{"), fold.view)).toEqual([]);
  expect(projectOutput(spec.run, output("runner-1", "raw", "bytes"), fold.view)).toEqual([]);
});
