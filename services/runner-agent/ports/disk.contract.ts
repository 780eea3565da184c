import { join } from "node:path";
import { StartCommand } from "@pitaya/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AttemptRecord } from "../domain/attempt-record.ts";
import { sampleTask } from "../testing/sample-task.ts";
import type { AttemptDirectory, JournalEntry, RunnerDisk } from "./disk.port.ts";
import type { AttemptName } from "./executor.port.ts";

export interface DiskHarness {
  /** The disk as another incarnation of the runner-agent has it, opened. */
  mount(): Promise<RunnerDisk>;
  close(): Promise<void>;
}

const nameOf = (attempt: number): AttemptName => ({
  runId: "run_20260102_030405_0a1b2c3d",
  instanceId: "0123456789abcdef",
  attempt,
});

const command = StartCommand.parse({
  v: 1,
  epoch: 1,
  decision: 1,
  runner: "r1",
  run: nameOf(1).runId,
  instance: nameOf(1).instanceId,
  attempt: 1,
  at: "2026-01-02T03:04:05.000Z",
  task: sampleTask(),
});

const record = (claimedAtMs: number): AttemptRecord => ({
  v: 1,
  claimedAtMs,
  startRequested: false,
});

const entry = (text: string): JournalEntry => ({
  headers: { kind: "stdout" },
  payload: Buffer.from(text),
});

async function* bytesOf(...parts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part);
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts).toString();
}

async function journalOf(directory: AttemptDirectory): Promise<string[]> {
  const journal = directory.openJournal();
  const found: string[] = [];
  for await (const { headers, payload } of journal.read()) {
    found.push(`${headers["kind"]} ${Buffer.from(payload).toString()}`);
  }
  await journal.close();
  return found;
}

/** What every {@link RunnerDisk} promises. Packs aside, which are git's: see `pack-cache.ts`. */
export function diskContract(title: string, make: () => Promise<DiskHarness>): void {
  describe(`the disk of a runner-agent: ${title}`, () => {
    let harness: DiskHarness;
    beforeEach(async () => {
      harness = await make();
    });
    afterEach(() => harness.close());

    it("hands the next incarnation what this one wrote of its attempts", async () => {
      const disk = await harness.mount();
      expect(await disk.attempts.scan()).toEqual([]);
      await disk.attempts.create(nameOf(1));
      const second = await disk.attempts.create(nameOf(2));
      await second.writeStart(command);
      await second.writeRecord(record(5));
      await second.writeRecord(record(6));
      const found = await (await harness.mount()).attempts.scan();
      expect([...found].sort((a, b) => a.name.attempt - b.name.attempt)).toEqual([
        { name: nameOf(1) },
        { name: nameOf(2), command, record: record(6) },
      ]);
    });

    it("opens a directory as it is, and removes it with everything in it", async () => {
      const disk = await harness.mount();
      await (await disk.attempts.create(nameOf(1))).writeRecord(record(5));
      const again = await disk.attempts.create(nameOf(1));
      expect(await disk.attempts.scan()).toMatchObject([{ record: record(5) }]);
      await again.remove();
      await again.remove();
      expect(await (await harness.mount()).attempts.scan()).toEqual([]);
    });

    it("writes nothing into a directory that was removed", async () => {
      const { attempts } = await harness.mount();
      const directory = await attempts.create(nameOf(1));
      await directory.remove();
      await expect(directory.writeRecord(record(5))).rejects.toMatchObject({ code: "ENOENT" });
      await expect(directory.writeStart(command)).rejects.toMatchObject({ code: "ENOENT" });
      expect(await attempts.scan()).toEqual([]);
    });

    it("has a new place for each harvest, and takes files away one by one or all at once", async () => {
      const { attempts } = await harness.mount();
      const directory = await attempts.create(nameOf(1));
      const place = await directory.freshHarvestDir();
      expect(await directory.freshHarvestDir()).not.toBe(place);
      const path = join(place, "bundle");
      await directory.write(path, bytesOf("a ", "bundle"));
      expect(await textOf(directory.read(path))).toBe("a bundle");
      await expect(directory.write(path, bytesOf("another"))).rejects.toThrow("EEXIST");
      await directory.removeFile(path);
      await directory.removeFile(path);
      await expect(textOf(directory.read(path))).rejects.toMatchObject({ code: "ENOENT" });
      await directory.write(path, bytesOf("again"));
      await directory.removeHarvestDir(place);
      await expect(textOf(directory.read(path))).rejects.toMatchObject({ code: "ENOENT" });
    });

    it("keeps what was published over incarnations, in its order", async () => {
      const mounted = async () => (await harness.mount()).attempts.create(nameOf(1));
      const first = (await mounted()).openJournal();
      await first.append(entry("one"));
      await first.append(entry("two\nlines"));
      const second = await mounted();
      expect(await journalOf(second)).toEqual(["stdout one", "stdout two\nlines"]);
      const going = second.openJournal();
      await going.append(entry("three"));
      // Thought dead, and not.
      await first.append(entry("late"));
      await going.close();
      await first.close();
      expect(await journalOf(await mounted())).toEqual([
        "stdout one",
        "stdout two\nlines",
        "stdout late",
        "stdout three",
      ]);
    });

    it("remembers the highest epoch", async () => {
      const epoch = await (await harness.mount()).openEpoch();
      expect(epoch.seen).toBe(0);
      await epoch.note(7);
      await epoch.note(3);
      expect(epoch.seen).toBe(7);
      expect((await (await harness.mount()).openEpoch()).seen).toBe(7);
    });

    it("tells the directories that no attempt owns, and removes them", async () => {
      const disk = await harness.mount();
      await disk.attempts.create(nameOf(1));
      await disk.attempts.create(nameOf(2));
      const left = await disk.leftovers([nameOf(1)]);
      expect(left).toMatchObject([{ kind: "directory" }]);
      for (const { path } of left) await disk.removeLeftover(path);
      for (const { path } of left) await disk.removeLeftover(path);
      expect(await disk.leftovers([nameOf(1)])).toEqual([]);
      expect((await disk.attempts.scan()).map(({ name }) => name)).toEqual([nameOf(1)]);
    });
  });
}
