import { ask } from "@pitaya/bus";
import { subjects } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import { gcText, silentText, totalOf } from "../gc/gc-report.rules.ts";

/** Longer than the coordinator waits for the runners, and for a collection before this one. */
const TIMEOUT_MS = 150_000;
const LEFT = 1;

/**
 * `pitaya gc`: what nobody owns is removed, in the store and on the host of every runner. With
 * `--verify` nothing is removed, and anything found, or a host not looked at, is a failure.
 */
export const command: CommandMain = async (session) => {
  const verify = session.has("verify");
  const connection = await session.connect();
  try {
    const subject = subjects.api.of({ verb: "gc" });
    const request = { v: 1, remove: !verify } as const;
    const { value } = await ask(connection.bus, "gc", subject, request, TIMEOUT_MS);
    await connection.submitted();
    const { console, has } = session;
    if (has("json")) await console.result(JSON.stringify({ v: 1, ...value }));
    else await console.result(gcText(value, !verify));
    if (value.silent.length > 0) await console.warn(silentText(value.silent));
    const { count, removed } = totalOf(value);
    if (verify) return count > 0 || value.silent.length > 0 ? LEFT : 0;
    return count > removed ? LEFT : 0;
  } finally {
    await connection.close();
  }
};
