import type { Connection } from "../connect/connection.port.ts";
import { runFilesAt } from "../files/run-files.ts";
import type { LocalPlace } from "../local-place.ts";
import { unknownRun } from "../runs/run-name.rules.ts";
import type { Session } from "../session.ts";
import { type RunFeed, runFeed } from "./run-feed.ts";

/**
 * Reads all that the store has of a run now and writes its local files anew from that.
 *
 * @param place without it nothing is written
 * @param work done once everything is read; gives the stream sequence of the last note it wrote, which
 *   is then in the files too
 * @throws {PitayaError} `unknown_run`
 */
export async function withWholeRun(
  options: {
    readonly session: Session;
    readonly connection: Connection;
    readonly run: string;
    readonly place: LocalPlace | undefined;
  },
  work: (feed: RunFeed) => Promise<number> = async () => 0,
): Promise<RunFeed> {
  const { session, connection, run, place } = options;
  const feed = runFeed(connection, run);
  const files = place && (await runFilesAt(place, session, run, feed));
  try {
    let lastNote: number | undefined;
    for await (const item of feed.items) {
      await files?.take(item);
      if (item.kind === "caughtUp") {
        if (feed.view.spec === undefined) throw unknownRun(run);
        lastNote = await work(feed);
      }
      if (lastNote !== undefined && feed.view.sequence >= lastNote) feed.finish();
    }
    await files?.finish();
    return feed;
  } finally {
    feed.stop();
  }
}
