import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Redactor } from "@pitaya/redaction";
import { finalMessagePath, metricsSeries, type ResultFile, resultFiles } from "@pitaya/views";
import type { FeedItem, RunFeed } from "../follow/run-feed.ts";
import type { LocalPlace } from "../local-place.ts";
import type { Session } from "../session.ts";
import { writeAtomically } from "./atomic-write.ts";
import { openEventsFile } from "./events-file.ts";
import type { PitayaDirectory } from "./pitaya-directory.ts";

/** The local files of one run, kept up to date from its feed. */
export interface RunFiles {
  take(item: FeedItem): Promise<void>;
  /** Everything the feed had to give was taken: the files are as they stay. */
  finish(): Promise<void>;
  /** This command leaves while the run goes on. */
  leave(): Promise<void>;
}

/** Between two times that results are written while the run goes on; more where there is much of them. */
const RESULTS_PAUSE_MS = 5_000;
/** How many times as long as the writing itself took the pause is at least. */
const PAUSE_PER_WRITING = 10;

/** The files of a run in the repository that this command is about. */
export const runFilesAt = (
  { directory, scratchDir }: LocalPlace,
  { host, redactor }: Session,
  run: string,
  feed: RunFeed,
): Promise<RunFiles> =>
  openRunFiles({
    ...{ directory, run, feed, redactor },
    spoolDir: scratchDir,
    nonce: host.random(4),
    now: host.clock.now,
  });

export async function openRunFiles(options: {
  readonly directory: PitayaDirectory;
  readonly run: string;
  readonly feed: RunFeed;
  readonly redactor: Redactor;
  readonly spoolDir: string;
  readonly nonce: string;
  readonly now: () => number;
}): Promise<RunFiles> {
  const { directory, run, feed, redactor, spoolDir, nonce, now } = options;
  const logs = directory.logs(run);
  const path = join(logs, "events.jsonl");
  const events = await openEventsFile({ path, spoolDir, redactor, nonce });
  const series = metricsSeries();
  let live = false;
  let writeNextAt = Number.NEGATIVE_INFINITY;

  async function writeResultsNow(): Promise<void> {
    const begun = now();
    await writeResults();
    const ended = now();
    writeNextAt = ended + Math.max(RESULTS_PAUSE_MS, PAUSE_PER_WRITING * (ended - begun));
  }

  async function writeResults(): Promise<void> {
    if (feed.view.spec === undefined) return;
    const files = resultFiles(feed.view, feed.textOf, series.rows);
    const results = directory.results(run);
    for (const file of files) {
      await writeAtomically(join(results, file.path), contentOf(file, redactor), nonce);
    }
    const hasBranches = files.some(({ path: name }) => name === "branches.txt");
    if (!hasBranches) await rm(join(results, "branches.txt"), { force: true });
  }

  async function writeFinalMessages(): Promise<void> {
    for (const row of feed.view.instances.values()) {
      const message = row.succeeded?.finalMessage;
      if (message === undefined || "inline" in message) continue;
      const text = redactor.text(feed.textOf(message));
      await writeAtomically(join(logs, finalMessagePath(row.instance)), text, nonce);
    }
  }

  return {
    async take(item) {
      if (item.kind === "caughtUp") live = true;
      if (item.kind === "event") series.apply(item.event);
      if (item.kind === "event" || item.kind === "steps") await events.append(item.outward);
      if (live && item.kind !== "steps" && now() >= writeNextAt) await writeResultsNow();
    },
    async finish() {
      await events.finish();
      await writeFinalMessages();
      await writeResults();
    },
    async leave() {
      await events.leave();
      await writeResults();
    },
  };
}

const contentOf = (file: ResultFile, redactor: Redactor): string =>
  "text" in file
    ? redactor.text(file.text)
    : `${JSON.stringify(redactor.json(file.document as never), null, 2)}\n`;
