import type { RunId, RunSpec } from "@pitaya/protocol";
import { type Summary, summaryOf } from "@pitaya/views";
import type { CommandMain } from "../command-line/commands.ts";
import { pathFrom } from "../files/pitaya-directory.ts";
import { unmetRequirements } from "../follow/unmet-requirements.ts";
import { withWholeRun } from "../follow/whole-run.ts";
import { deletedBranches } from "../import/deleted-branches.ts";
import { isAtHome, type LocalPlace, openPlace } from "../local-place.ts";
import { summaryText } from "../output/summary-text.rules.ts";
import { findRun, readRun } from "../runs/find-run.ts";
import { openScratch } from "../scratch.ts";
import type { Session } from "../session.ts";

/** `pitaya show <run>`: how it stands and what to type next. At home its local files are written anew. */
export const command: CommandMain = async (session) => {
  const scratch = await openScratch(session.host);
  try {
    const connection = await session.connect();
    try {
      const run = await findRun(connection.bus, session.args[0] ?? "");
      await connection.submitted();
      const { spec } = await readRun(connection.bus, run);
      const place = await placeOf(session, spec, scratch.dir);
      const feed = await withWholeRun({ session, connection, run, place });
      await tell(session, run, place, summaryOf(feed.view, feed.textOf));
      for (const line of await unmetRequirements(connection.bus, feed.view)) {
        await session.console.warn(line);
      }
      return 0;
    } finally {
      await connection.close();
    }
  } finally {
    scratch.remove();
  }
};

/** Looking at a run from another repository leaves no trace there, unless its files are asked for. */
async function placeOf(
  session: Session,
  spec: RunSpec,
  scratchDir: string,
): Promise<LocalPlace | undefined> {
  const writes = session.has("rebuild") || (await isAtHome(session, spec));
  return writes ? openPlace(session, scratchDir) : undefined;
}

async function tell(
  { console, host, redactor, has }: Session,
  run: RunId,
  place: LocalPlace | undefined,
  summary: Summary,
): Promise<void> {
  if (has("json")) {
    const document = { v: 1, ...(redactor.json(summary as never) as object) };
    return console.result(JSON.stringify(document));
  }
  const results = place && pathFrom(host.cwd, place.directory.results(run));
  await console.result(summaryText(summary, results, await deletedBranches(place, summary)));
}
