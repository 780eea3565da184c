import { appendFile, mkdtemp, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { JournalEntry } from "../ports/disk.port.ts";
import { outputJournal } from "./output-journal.ts";

async function directory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "pitaya-journal-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function all(dir: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of outputJournal(dir).read()) entries.push(entry);
  return entries;
}

const entry = (text: string): JournalEntry => ({
  headers: { Of: "me" },
  payload: Buffer.from(text),
});
const texts = (entries: readonly JournalEntry[]) =>
  entries.map(({ payload }) => Buffer.from(payload).toString());

it("gives back what was appended, whatever the bytes, over several incarnations", async () => {
  const dir = await directory();
  const contents = [["a\n{}\n", "", "\u0000é"], ["b".repeat(3_000_000)], ["c"]];
  for (const texts of contents) {
    const journal = outputJournal(dir);
    for (const text of texts) await journal.append(entry(text));
    await journal.close();
  }
  const found = await all(dir);
  expect(texts(found)).toEqual(contents.flat());
  expect(found.every(({ headers }) => headers["Of"] === "me")).toBe(true);
});

it("leaves out what was being written when its writer died, at whatever byte", async () => {
  const dir = await directory();
  const journal = outputJournal(dir);
  await journal.append(entry("first"));
  await journal.append(entry("second"));
  await journal.close();
  const path = join(dir, "output-1.journal");
  const whole = await readFile(path);
  for (let cut = whole.byteLength - 1; cut > whole.byteLength / 2; cut -= 1) {
    await truncate(path, 0);
    await appendFile(path, whole.subarray(0, cut));
    expect(texts(await all(dir))).toEqual(["first"]);
  }
});

it("is empty where nothing was said", async () => {
  expect(await all(await directory())).toEqual([]);
});
