import { ask } from "@pitaya/bus";
import { subjects } from "@pitaya/protocol";
import { askPatiently } from "../connect/ask-patiently.ts";
import type { Connection } from "../connect/connection.port.ts";

/** A coordinator that is just taking over is waited for. */
const STOP_TIMEOUT_MS = 30_000;

/** Asks for the run to be interrupted. Returns when that is decided; its end comes in the log. */
export async function interruptRun(
  connection: Connection,
  run: string,
  by: string,
  reason: string,
): Promise<void> {
  const subject = subjects.apiRun.of({ run, verb: "stop" });
  const request = { v: 1, mode: "interrupt", by: by.slice(0, 200), reason } as const;
  await askPatiently(STOP_TIMEOUT_MS, (timeoutMs) =>
    ask(connection.bus, "stop", subject, request, timeoutMs),
  );
}
