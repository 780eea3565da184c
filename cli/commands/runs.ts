import type { CommandMain } from "../command-line/commands.ts";
import { listedRuns } from "../runs/known-runs.ts";
import { runsTable } from "../runs/runs-table.rules.ts";

/** `pitaya runs`: what the store knows, newest first. */
export const command: CommandMain = async (session) => {
  const connection = await session.connect();
  try {
    await connection.submitted();
    const { runs, unreadable } = await listedRuns(connection.bus);
    if (session.has("json")) await session.console.result(JSON.stringify(runs));
    else if (runs.length > 0) await session.console.result(runsTable(runs));
    else if (unreadable.length === 0)
      await session.console.note('no runs yet; pitaya "<prompt>" starts one');
    for (const run of unreadable) {
      await session.console.warn(
        `what the list of runs has of ${run} cannot be read; its log tells: pitaya show ${run}`,
      );
    }
    return 0;
  } finally {
    await connection.close();
  }
};
