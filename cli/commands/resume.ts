import { ask, sealer } from "@pitaya/bus";
import { pluginOf } from "@pitaya/plugins";
import { type ApiValue, PitayaError, type RunSpec, subjects } from "@pitaya/protocol";
import { isFinalPhase } from "@pitaya/views";
import type { CommandMain } from "../command-line/commands.ts";
import { askPatiently } from "../connect/ask-patiently.ts";
import type { Connection } from "../connect/connection.port.ts";
import { type SignalDesk, signalDesk } from "../follow/signal-desk.ts";
import { tellDetached, watchRun } from "../follow/watch-run.ts";
import { placeFor } from "../local-place.ts";
import { findRun, type ReadRun, readRun } from "../runs/find-run.ts";
import { openScratch } from "../scratch.ts";
import type { Session } from "../session.ts";
import {
  keyPolicyOf,
  type ResumeRequest,
  refuseStrayFlags,
  resumeRequest,
} from "../submit/resume-request.ts";
import { type Credentials, sealForCoordinators } from "../submit/sealed-credentials.ts";

type Status = ApiValue<"resume">["status"];

const RESUME_TIMEOUT_MS = 60_000;

/**
 * `pitaya resume <run>`: goes on with an interrupted run, and follows it as the one who started it. One
 * that runs is attached to, and one that has ended only shown, as by `attach`.
 */
export const command: CommandMain = async (session) => {
  refuseStrayFlags(session);
  keyPolicyOf(session);
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
    const known = await readRun(connection.bus, run);
    const place = await placeFor(session, known.spec, scratchDir);
    const keys = sealer();
    const { status, credentials } = await goOn(session, connection, known, desk.early, keys);
    await connection.submitted();
    if (status !== "resumed") {
      desk.onlyWatches();
      await session.console.note(asItWas(run, status));
    }
    if (status !== "already-final" && session.has("detach")) {
      return await tellDetached(session, run);
    }
    const own = { sealer: keys, credentials };
    return await watchRun({ session, connection, run, desk, place, own });
  } finally {
    await connection.close();
  }
}

const asItWas = (run: string, status: Exclude<Status, "resumed">): string =>
  status === "running"
    ? `${run} is running already, and is only shown`
    : `${run} has ended already: nothing is changed; to try again, start a new run`;

/** Has the coordinator go on with the run, where there is something to go on with. */
async function goOn(
  session: Session,
  connection: Connection,
  { spec, view }: ReadRun,
  early: AbortSignal,
  keys: ReturnType<typeof sealer>,
): Promise<{ readonly status: Status; readonly credentials: Credentials }> {
  if (isFinalPhase(view.phase)) return { status: "already-final", credentials: {} };
  const { run } = spec;
  const { bus, client } = connection;
  const keyPolicy = keyPolicyOf(session);
  const request = await resumeRequest(session, spec, client);
  const { override, credentials } = request;
  if (view.phase === "interrupted") refuseWithout(spec, request, client);
  early.throwIfAborted();
  if (override?.maxParallel) await connection.raiseSlots(run, override.maxParallel);
  const subject = subjects.apiRun.of({ run, verb: "resume" });
  const wanted = {
    ...{ v: 1 as const, by: session.host.user.slice(0, 200), fresh: session.has("fresh") },
    ...(override && { override }),
    ...(keyPolicy && { keyPolicy }),
  };
  let tries = 0;
  const { status } = await askPatiently(RESUME_TIMEOUT_MS, async (timeoutMs) => {
    tries += 1;
    // To the keys of those that are there by now.
    const secrets = await sealForCoordinators(bus, keys, run, credentials);
    return (await ask(bus, "resume", subject, { ...wanted, secrets }, timeoutMs)).value;
  });
  // The answer to a try before may have been lost, and not what it did.
  const isOurs = tries > 1 && view.phase === "interrupted" && status === "running";
  return { status: isOurs ? "resumed" : status, credentials };
}

/** @throws {PitayaError} `credentials_missing`: what is resumed has to be paid for */
function refuseWithout(spec: RunSpec, request: ResumeRequest, client: string): void {
  const { credentials, override } = request;
  const ofOthers = (spec.otherAgents ?? []).flatMap((agent) => agent.credentials);
  const names = [...(override?.credentials ?? spec.agent.credentials), ...ofOthers];
  const missing = names.filter((name) => credentials[name] === undefined);
  if (missing.length === 0) return;
  const rules = pluginOf(spec.agent).credentials.filter((rule) => missing.includes(rule.env));
  const kinds = new Set(rules.map((rule) => `--${rule.flag}`));
  const flags = [...kinds].join(" or ") || "its own client";
  const variables = rules.map((rule) => rule.source).join(" or ") || missing.join(" and ");
  const foreign = spec.client !== client;
  throw new PitayaError("credentials_missing", `the run needs ${missing.join(", ")}`, {
    hint: foreign
      ? `The run was submitted by another client (${spec.client}), so name the credential with ${flags}.`
      : `Set ${variables}${rules.length === 0 ? "" : `, or give ${flags}`}.`,
  });
}
