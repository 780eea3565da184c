import type { CommandMain } from "../command-line/commands.ts";
import { knownRuns } from "../runs/known-runs.ts";
import { runsTable } from "../runs/runs-table.rules.ts";

/** `pitaya runs`: what the store knows, newest first. */
export const command: CommandMain = async (session) => {
  const connection = await session.connect();
  try {
    await connection.submitted();
    const runs = await knownRuns(connection.bus);
    if (session.has("json")) await session.console.result(JSON.stringify(runs));
    else if (runs.length > 0) await session.console.result(runsTable(runs));
    else await session.console.note('no runs yet; pitaya "<prompt>" starts one');
    return 0;
  } finally {
    await connection.close();
  }
};
