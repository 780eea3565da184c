import { errorRecord } from "@pitaya/protocol";
import type { Console } from "../console.ts";
import type { RunFeed } from "../follow/run-feed.ts";
import type { LocalPlace } from "../local-place.ts";
import type { Session } from "../session.ts";
import { type RunFiles, runFilesAt } from "./run-files.ts";

/**
 * A run's files for a command that follows it. Where they cannot be written that is said once, and
 * the run is followed all the same: they can be made again from the log.
 *
 * @param options.place without it there are none
 */
export async function openGuardedFiles(options: {
  readonly session: Session;
  readonly run: string;
  readonly place: LocalPlace | undefined;
  readonly feed: RunFeed;
  readonly console: Console;
}): Promise<RunFiles> {
  const { session, run, place, feed, console } = options;
  let files: RunFiles | undefined;
  const guard = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      files = undefined;
      await console.problem(
        `the run's local files are not written: ${errorRecord(error).message}; \`pitaya show ${run} --rebuild\` writes them`,
      );
    }
  };
  if (place !== undefined) {
    await guard(async () => {
      files = await runFilesAt(place, session, run, feed);
    });
  }
  return {
    take: (item) => guard(async () => files?.take(item)),
    finish: () => guard(async () => files?.finish()),
    leave: () => guard(async () => files?.leave()),
  };
}
