import { sealer } from "@pitaya/bus";
import { errorRecord } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { publishNote } from "../follow/notes.ts";
import { ownCredentials } from "../follow/own-credentials.ts";
import { type SignalDesk, signalDesk } from "../follow/signal-desk.ts";
import { watchRun } from "../follow/watch-run.ts";
import { placeFor } from "../local-place.ts";
import { findRun, readRun } from "../runs/find-run.ts";
import { openScratch } from "../scratch.ts";
import type { Session } from "../session.ts";

/** `pitaya attach <run>`: shows a run again, and brings in what is not imported yet. */
export const command: CommandMain = async (session) => {
  const desk = signalDesk(session.host, "watcher");
  const scratch = await openScratch(session.host);
  try {
    return await attach(session, desk, scratch.dir);
  } finally {
    desk.close();
    scratch.remove();
  }
};

async function attach(session: Session, desk: SignalDesk, scratchDir: string): Promise<number> {
  const connection = await session.connect();
  try {
    const run = await findRun(connection.bus, session.args[0] ?? "");
    const { spec } = await readRun(connection.bus, run);
    const place = await placeFor(session, spec, scratchDir);
    await connection.submitted();
    publishNote(connection, session.host, run, { type: "client.attached" }).catch(
      (error: unknown) =>
        void session.console.warn(`the log was not told of this: ${errorRecord(error).message}`),
    );
    const credentials = await ownCredentials(session, spec, connection.client);
    const own = { sealer: sealer(), credentials };
    return await watchRun({ session, connection, run, desk, place, own });
  } finally {
    await connection.close();
  }
}
