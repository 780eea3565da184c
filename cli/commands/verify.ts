import { type Bus, decode } from "@pitaya/bus";
import { openRepository } from "@pitaya/git";
import { buckets, isPitayaError, type RunId, RunProjection, runEvents } from "@pitaya/protocol";
import { runVerifier } from "@pitaya/views";
import type { CommandMain } from "../command-line/commands.ts";
import { isAtHome } from "../local-place.ts";
import { findRun } from "../runs/find-run.ts";
import { unknownRun } from "../runs/run-name.rules.ts";
import type { Session } from "../session.ts";
import { checkBranches } from "../verify/standing-branches.ts";
import { checkBlobs } from "../verify/stored-blobs.ts";
import { findings, findingsDocument, findingsText } from "../verify/verification.rules.ts";

const VIOLATED = 1;

/** `pitaya verify <run>`: a run's log, and what it names, against the invariants. */
export const command: CommandMain = async (session) => {
  const connection = await session.connect();
  try {
    const { bus } = connection;
    const run = await findRun(bus, session.args[0] ?? "");
    await connection.submitted();
    const log = await verifyLog(session, bus, run);
    const { spec } = log.view;
    if (log.messages === 0) throw unknownRun(run);
    const atHome = spec !== undefined && (await isAtHome(session, spec));
    const repo = atHome ? await openRepository(session.directory) : undefined;
    const found = findings(run, log, {
      atHome,
      violations: [
        ...(await checkBlobs(bus, log.blobs)),
        ...(repo ? await checkBranches(repo, log.branches) : []),
      ],
    });
    const { console, redactor } = session;
    if (session.has("json")) {
      await console.result(JSON.stringify(redactor.json(findingsDocument(found) as never)));
    } else {
      await console.result(findingsText(found));
    }
    return found.violations.length === 0 ? 0 : VIOLATED;
  } finally {
    await connection.close();
  }
};

/**
 * How long a list of runs that is behind may take to be brought up to date: a coordinator that was
 * killed before it wrote the row has a successor after its lease.
 */
const ROW_WAIT_MS = 20_000;

/** The row first, the log after it: what the row was made from is in the log then. */
async function verifyLog({ host, console }: Session, bus: Bus, run: RunId) {
  const once = async () => {
    const verifier = runVerifier(await rowOf(bus, run));
    for await (const message of bus.events.read(runEvents(run))) verifier.take(message);
    return verifier.end();
  };
  const ended = new AbortController();
  const cancel = host.clock.setTimer(ROW_WAIT_MS, () => ended.abort());
  try {
    let found = await once();
    if (!found.rowIsBehind) return found;
    await console.note("the list of runs is behind the log; waiting for a coordinator to write it");
    // From the watch's beginning on, so that a row written meanwhile is looked at too.
    for await (const change of bus.bucket(buckets.runs).watch(ended.signal)) {
      if (!("key" in change) || change.key !== run) continue;
      found = await once();
      if (!found.rowIsBehind) break;
    }
    return found;
  } finally {
    cancel();
    ended.abort();
  }
}

/** @returns `undefined` where there is none that can be read, which the log may make a violation */
async function rowOf(bus: Bus, run: RunId): Promise<RunProjection | undefined> {
  const entry = await bus.bucket(buckets.runs).get(run);
  if (entry === undefined) return undefined;
  try {
    return decode(RunProjection, entry.value, "A row of the list of runs");
  } catch (error) {
    if (isPitayaError(error, "malformed_message")) return undefined;
    throw error;
  }
}
