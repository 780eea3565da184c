import { encode } from "@pitaya/bus";
import { messageIds, type Note, NoteMessage, RunId, subjects } from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import type { Host } from "../host.ts";

/** Writes into the run's log what this command did. @returns its stream sequence */
export async function publishNote(
  connection: Connection,
  host: Pick<Host, "clock" | "random">,
  run: string,
  note: Note,
): Promise<number> {
  const { client } = connection;
  const nonce = host.random(8);
  const payload = encode(NoteMessage, {
    v: 1,
    run: RunId.parse(run),
    client,
    nonce,
    at: new Date(host.clock.now()).toISOString(),
    note,
  });
  const message = { id: messageIds.note(run, client, nonce), payload };
  return connection.bus.events.note(subjects.note.of({ run, client }), message);
}
