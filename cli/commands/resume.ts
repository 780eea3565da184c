import { ask, sealer } from "@pitaya/bus";
import { findPlugin } from "@pitaya/plugins";
import { PitayaError, type RunSpec, subjects } from "@pitaya/protocol";
import type { CommandMain } from "../command-line/commands.ts";
import type { Connection } from "../connect/connection.port.ts";
import { ownCredentials } from "../follow/own-credentials.ts";
import { type SignalDesk, signalDesk } from "../follow/signal-desk.ts";
import { tellDetached, watchRun } from "../follow/watch-run.ts";
import { placeFor } from "../local-place.ts";
import { findRun, readRun } from "../runs/find-run.ts";
import { openScratch } from "../scratch.ts";
import type { Session } from "../session.ts";
import { type Credentials, sealForCoordinators } from "../submit/sealed-credentials.ts";

const RESUME_TIMEOUT_MS = 60_000;

/**
 * `pitaya resume <run>`: goes on with an interrupted run, and follows it as the one who started it. One
 * that has ended is only shown, as by `attach`.
 */
export const command: CommandMain = async (session) => {
  const desk = signalDesk(session.host, "owner");
  const scratch = await openScratch(session.host);
  desk.onLeave(scratch.remove);
  try {
    return await resume(session, desk, scratch.dir);
  } finally {
    desk.close();
    scratch.remove();
  }
};

async function resume(session: Session, desk: SignalDesk, scratchDir: string): Promise<number> {
  const connection = await session.connect();
  try {
    const run = await findRun(connection.bus, session.args[0] ?? "");
    const { spec } = await readRun(connection.bus, run);
    const place = await placeFor(session, spec, scratchDir);
    const credentials = await needed(session, spec, connection.client);
    desk.early.throwIfAborted();
    const keys = sealer();
    await askToResume(session, connection, run, credentials, keys);
    await connection.submitted();
    if (session.has("detach")) return await tellDetached(session, run);
    const own = { sealer: keys, credentials };
    return await watchRun({ session, connection, run, desk, place, own });
  } finally {
    await connection.close();
  }
}

/** @throws {PitayaError} `credentials_missing`: what is resumed has to be paid for */
async function needed(session: Session, spec: RunSpec, client: string): Promise<Credentials> {
  const credentials = await ownCredentials(session, spec, client);
  const missing = spec.agent.credentials.filter((name) => credentials[name] === undefined);
  if (missing.length === 0) return credentials;
  const plugin = findPlugin(spec.agent.plugin);
  const rules = plugin.credentials.filter((rule) => missing.includes(rule.env));
  const flags = rules.map((rule) => `--${rule.flag}`).join(" or ");
  const variables = rules.map((rule) => rule.source).join(" or ");
  const foreign = spec.client !== client;
  throw new PitayaError("credentials_missing", `the run needs ${missing.join(", ")}`, {
    hint: foreign
      ? `The run was submitted by another client (${spec.client}), so name the credential with ${flags}.`
      : `Set ${variables}, or give ${flags}.`,
  });
}

async function askToResume(
  session: Session,
  connection: Connection,
  run: string,
  credentials: Credentials,
  keys: ReturnType<typeof sealer>,
): Promise<void> {
  const secrets = await sealForCoordinators(connection.bus, keys, run, credentials);
  const subject = subjects.apiRun.of({ run, verb: "resume" });
  const by = session.host.user.slice(0, 200);
  const request = { v: 1, by, fresh: session.has("fresh"), secrets } as const;
  const { value } = await ask(connection.bus, "resume", subject, request, RESUME_TIMEOUT_MS);
  if (value.status === "already-final") {
    await session.console.note(
      `${run} has ended already: nothing is changed; to try again, start a new run`,
    );
  } else if (value.status === "running") {
    await session.console.note(`${run} is running already`);
  }
}
