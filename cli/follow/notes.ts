import { encode } from "@pitaya/bus";
import {
  ExecutionId,
  InstanceId,
  messageIds,
  type Note,
  NoteMessage,
  RunId,
  subjects,
} from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import type { Host } from "../host.ts";
import type { InstanceImport } from "../import/import-instance.ts";

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

/**
 * Writes into the log what became of an import. A refusal that the log has already is not repeated.
 *
 * @returns the note's stream sequence; 0 where there is none
 */
export async function noteImport(
  connection: Connection,
  host: Pick<Host, "clock" | "random">,
  run: string,
  result: InstanceImport,
): Promise<number> {
  const { row, best } = result;
  const attempt = row.attempts.at(-1)?.attempt ?? 1;
  const about = { instance: InstanceId.parse(row.instance), attempt };
  const write = (note: Note) => publishNote(connection, host, run, note);
  switch (result.status) {
    case "imported":
    case "unchanged": {
      const { commit } = result;
      const ref = `refs/heads/${result.branch}`;
      if (best !== undefined) {
        return write({ type: "best.imported", execution: ExecutionId.parse(best), ref, commit });
      }
      if (row.imported?.ref === ref && row.imported.commit === commit) return 0;
      return write({ type: "branch.imported", ...about, ref, commit });
    }
    case "refused":
      // Says something of this repository, and nothing of the run.
      if (result.error.code === "base_not_here") return 0;
      if (best !== undefined || row.importRefused?.code === result.error.code) return 0;
      return write({ type: "branch.refused", ...about, error: result.error });
    case "skipped":
      return 0;
    default:
      return result satisfies never;
  }
}
