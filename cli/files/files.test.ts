import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redactor } from "@pitaya/redaction";
import { type OutwardEvent, outwardEvent } from "@pitaya/views";
import { sampleSpec } from "@pitaya/views/testing";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeAtomically } from "./atomic-write.ts";
import { inLogOrder } from "./event-order.rules.ts";
import { openEventsFile } from "./events-file.ts";

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "pitaya-test-files-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

const at = (ms: number, id: string): OutwardEvent =>
  outwardEvent(sampleSpec().run, id, ms, {
    type: "log.ignored",
    payload: { subject: "s", reason: "sk-ant-canary-0123456789abcdef" },
  });

const open = (nonce: string) =>
  openEventsFile({
    path: join(dir, "logs", "events.jsonl"),
    spoolDir: dir,
    redactor: redactor({ values: [] }),
    nonce,
  });
const content = () => readFileSync(join(dir, "logs", "events.jsonl"), "utf8");
const ids = () =>
  content()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line).id);

test("lines are in the order of the log whatever order they came in, and whoever sorts them", () => {
  const expected = ["e1.0", "e1.1", "e1.1.1", "o3.0", "o3.2", "e10.0", "o4.0", "e11.0"];
  const times = [1, 1, 1, 1, 1, 2, 2, 3];
  const lines = expected.map((id, i) => JSON.stringify(at(times[i] ?? 0, id)));
  fc.assert(
    fc.property(fc.shuffledSubarray(lines, { minLength: lines.length }), (shuffled) => {
      expect(inLogOrder(shuffled).map((line) => JSON.parse(line).id)).toEqual(expected);
    }),
    { seed: 1 },
  );
});

test("the file grows line by line, redacted, and ends up in order", async () => {
  const file = await open("a");
  await file.append([at(2, "o1.0")]);
  await file.append([at(1, "e1.0")]);
  expect(ids()).toEqual(["o1.0", "e1.0"]);
  expect(content()).not.toContain("canary");
  await file.finish();
  expect(ids()).toEqual(["e1.0", "o1.0"]);
});

test("two that follow the same run make one file, each line once", async () => {
  const first = await open("a");
  const second = await open("b");
  for (const file of [first, second]) await file.append([at(1, "e1.0"), at(2, "e2.0")]);
  expect(ids()).toEqual(["e1.0", "e2.0"]);
  await second.finish();
  await first.append([at(3, "e3.0")]);
  await first.finish();
  expect(ids()).toEqual(["e1.0", "e2.0", "e3.0"]);
});

test("a lock whose holder is dead holds nobody up", async () => {
  mkdirSync(join(dir, "logs"));
  writeFileSync(join(dir, "logs", "events.jsonl.lock"), "999999999");
  const file = await open("a");
  await file.append([at(1, "e1.0")]);
  expect(ids()).toEqual(["e1.0"]);
  await file.leave();
});

test("files are private, replaced whole, and left alone where they are the same", async () => {
  const path = join(dir, "deep", "er", "file.json");
  await writeAtomically(path, "one\n", "a");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, "deep")).mode & 0o777).toBe(0o700);
  const before = statSync(path).ino;
  await writeAtomically(path, "one\n", "b");
  expect(statSync(path).ino).toBe(before);
  await writeAtomically(path, "two\n", "c");
  expect(readFileSync(path, "utf8")).toBe("two\n");
});
