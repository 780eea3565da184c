import { storeText } from "@pitaya/bus";
import { type Base, isDirty, resolveBase } from "@pitaya/git";
import { makeRunId, PitayaError, type RunId, type RunSpec } from "@pitaya/protocol";
import type { Connection } from "../connect/connection.port.ts";
import type { LocalPlace } from "../local-place.ts";
import type { Session } from "../session.ts";
import type { AgentChoice } from "./agent-choice.ts";
import { runSpec } from "./run-spec.rules.ts";
import { sentBundles } from "./sent-bundles.ts";
import { uploadBase } from "./upload-base.ts";

/**
 * The base of a run, as it is now. Changes that are not committed are not in it, and that is said.
 *
 * @throws {PitayaError} `unborn_head`, `base_missing`
 */
export async function chooseBase(
  session: Session,
  place: LocalPlace,
  signal: AbortSignal,
): Promise<Base> {
  const base = await resolveBase(place.repo, session.value("base-branch"), signal);
  if (await isDirty(place.repo, signal)) {
    await session.console.warn(
      `there are changes that are not committed; agents start from ${base.name} without them`,
    );
  }
  return base;
}

/** Makes the spec of a run that is to be submitted, its base and texts in the store. */
export interface Submission {
  readonly run: RunId;
  /** @param again the store turned out not to hold what it was thought to hold */
  spec(again: boolean): Promise<RunSpec>;
}

export async function prepareSubmission(options: {
  readonly session: Session;
  readonly connection: Connection;
  readonly place: LocalPlace;
  readonly base: Base;
  readonly agent: AgentChoice;
  readonly strategy: RunSpec["strategy"];
  readonly prompt: string;
  readonly signal: AbortSignal;
}): Promise<Submission> {
  const { session, connection, place, base, agent, strategy, prompt, signal } = options;
  const { clock, random } = session.host;
  const { repo, scratchDir } = place;
  const now = clock.now();
  const run = makeRunId(new Date(now), random(4));
  const sent = await sentBundles(place.directory.root, connection.store, random(4));
  return {
    run,
    async spec(again) {
      const { bus, client } = connection;
      if (again) await sent.forget();
      const known = again ? { ...sent, chains: [] } : sent;
      const source = await uploadBase({ bus, repo, base, sent: known, scratchDir, signal });
      const text = await storeText(bus, prompt);
      return runSpec(
        {
          ...{ run, client, now, repo, base: source, strategy },
          ...{ prompt: text, agent: agent.spec, commitInstruction: agent.commitInstruction },
        },
        session.settings.values,
      );
    },
  };
}

/**
 * What is submitted is stored, and stays. A credential in it would too.
 *
 * @throws {PitayaError} `usage`
 */
export function refuseSecrets(session: Session, stored: Readonly<Record<string, unknown>>): void {
  for (const [what, value] of Object.entries(stored)) {
    if (!session.redactor.containsSecret(JSON.stringify(value))) continue;
    const where = what === "prompt" ? "the prompt" : "a parameter or argument for the agent";
    throw new PitayaError("usage", `${where} holds a credential that this command was given`, {
      hint: "What is submitted is stored. The agent gets its credential by itself, apart from it.",
    });
  }
}
