import { setTimeout } from "node:timers/promises";
import type { RunProjection } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { freedBy } from "../output/waiting.rules.ts";
import { knownRuns } from "../runs/known-runs.ts";
import type { Session } from "../session.ts";
import { stackStatus } from "../stack/index.ts";
import { stackOptions, stackText } from "../stack-words.ts";

const PATIENCE_MS = 3_000;

/** `pitaya status`: looks at the embedded stack, and starts nothing. */
export const command: CommandMain = async (session) => {
  const report = await stackStatus(stackOptions(session));
  const { console } = session;
  const stacked = session.settings.values["nats.url"] === undefined;
  const ready = report.state === "running" && report.stack.phase === "ready";
  const waiting = ready && stacked ? await waitingRuns(session) : [];
  if (session.has("json")) {
    const rows = waiting.map(({ run, waitingFor = [] }) => ({ run, waiting_for: waitingFor }));
    await console.result(JSON.stringify({ v: 1, ...report, waiting: rows }));
  } else if (report.state === "running") {
    const lines = waiting.map(
      ({ run, waitingFor = [] }) => `  waiting     ${run}: ${freedBy(run, waitingFor)}`,
    );
    await console.result([stackText(report.stack), ...lines].join("\n"));
  } else await console.result("the embedded stack is not running; a run or `pitaya up` starts it");
  return 0;
};

/** Runs in which something waits for credentials. None where the store cannot be read. */
async function waitingRuns(session: Session): Promise<readonly RunProjection[]> {
  const connection = await session.connect();
  try {
    await connection.submitted();
    const late = setTimeout(PATIENCE_MS, [], { ref: false });
    const runs = await Promise.race([knownRuns(connection.bus), late]);
    return runs.filter(({ status, waitingFor }) => status === "running" && waitingFor);
  } finally {
    await connection.close();
  }
}
