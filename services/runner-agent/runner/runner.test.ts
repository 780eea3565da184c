import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type BaseRepository, baseRepository } from "../testing/base-repository.ts";
import { type FakeScript, fakeExecutor } from "../testing/fake-executor.ts";
import { runnerHarness } from "../testing/runner-harness.ts";

let dir: string;
let base: BaseRepository;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "pitaya-runner-base-"));
  base = await baseRepository(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function harness(
  script: FakeScript,
  over: Partial<Parameters<typeof runnerHarness>[0]> = {},
) {
  const executor = fakeExecutor({ script });
  const made = await runnerHarness({ executor, base: base.publish, ...over });
  onTestFinished(() => made.close());
  return { ...made, executor };
}

describe("an attempt", () => {
  it("goes from its start to a bundle in the store, each step a fact of one chain", async () => {
    const bundle = await base.bundleOf({ "a.txt": "a\n", "b.txt": "b\n" });
    const h = await harness(async (agent) => {
      agent.write("stdout", "say hello\n");
      agent.commit(bundle);
      agent.write("stdout", "done all of it\n");
      return 0;
    });
    await h.start();
    await h.order("one");
    const end = await h.fact("attempt.succeeded", "one");
    expect(end).toMatchObject({
      uncommitted: false,
      forcedCommit: false,
      finalMessage: { inline: "all of it" },
      work: { commits: 2, filesChanged: 2, insertions: 2, deletions: 0 },
      account: { costUsd: 0.25, turns: 2, sessionId: "session-1" },
      lfsObjectsMissing: 0,
    });
    expect(end.bundle?.blob.parents).toEqual(h.base.bundles.map(({ blob }) => blob.sha256));
    expect(end.bundle && (await h.bus.blobs.has(end.bundle.blob))).toBe(true);
    expect(
      (await h.chain("one")).map(({ n, fact }) => [
        n,
        fact && "phase" in fact ? fact.phase : fact?.type,
      ]),
    ).toEqual([
      [1, "attempt.claimed"],
      [2, "fetching"],
      [3, "preparing"],
      [4, "running"],
      [5, "attempt.started"],
      [6, "harvesting"],
      [7, "uploading"],
      [8, "attempt.succeeded"],
    ]);
  });
});
