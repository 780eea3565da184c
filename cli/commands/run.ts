import { sealer } from "@pitaya/bus";
import { PitayaError } from "@pitaya/protocol";
import { strategyNames } from "@pitaya/strategies";
import type { CommandMain } from "../command-line/commands.ts";
import type { Connection } from "../connect/connection.port.ts";
import {
  type StrategyReference,
  strategyReference,
} from "../custom-strategy/strategy-reference.rules.ts";
import { type SignalDesk, signalDesk } from "../follow/signal-desk.ts";
import { tellDetached, watchRun } from "../follow/watch-run.ts";
import { openPlace } from "../local-place.ts";
import { openScratch, type Scratch } from "../scratch.ts";
import type { Session } from "../session.ts";
import { parallelOf } from "../settings/from-flags.rules.ts";
import { refuseUntrusted } from "../settings/refuse-untrusted.rules.ts";
import { strayStrategies } from "../settings/strategy-keys.rules.ts";
import { chooseAgent, choosePlugin } from "../submit/agent-choice.ts";
import { checkCredentialSource } from "../submit/credential-source.ts";
import { namedFiles } from "../submit/named-files.ts";
import { slotsFor } from "../submit/parallel-slots.ts";
import {
  chooseBase,
  namedBranches,
  prepareSubmission,
  refuseSecretFiles,
  refuseSecrets,
} from "../submit/prepare-submission.ts";
import { readPrompt } from "../submit/prompt.ts";
import { checkStrategy } from "../submit/strategy-check.ts";
import { chooseStrategy, type StrategyChoice } from "../submit/strategy-choice.rules.ts";
import { submit } from "../submit/submit.ts";
import { tellPlan } from "../submit/tell-plan.ts";

/** `pitaya "<prompt>"`: submits a run and follows it to its end. */
export const command: CommandMain = async (session) => {
  const prompt = await readPrompt(session);
  const desk = signalDesk(session.host, "owner");
  const scratch = await openScratch(session.host);
  desk.onLeave(scratch.remove);
  const progress = { submitted: false };
  try {
    return await runPrompt(session, prompt, desk, scratch, progress);
  } catch (error) {
    // What was under way fails in its own way when a signal ends it.
    throw desk.early.aborted && !progress.submitted ? desk.early.reason : error;
  } finally {
    desk.close();
    scratch.remove();
  }
};

async function runPrompt(
  session: Session,
  prompt: string,
  desk: SignalDesk,
  scratch: Scratch,
  progress: { submitted: boolean },
): Promise<number> {
  const { early: signal } = desk;
  const { host, settings } = session;
  const shipped = [...strategyNames, ...(host.strategies ?? []).map(({ name }) => name)];
  const asked = strategyReference(settings.values.strategy, shipped);
  const known =
    asked.kind === "shipped" && chooseStrategy(settings, session.values("set"), host.strategies);
  const place = await openPlace(session, scratch.dir);
  const root = place.repo.topLevel ?? place.repo.gitDir;
  const strategy = known || (await ownStrategy(session, asked, root));
  await checkParamFiles(session, strategy);
  const base = await chooseBase(session, place, signal);
  const plugins = strategy.marked.flatMap(({ mark, value, param }) => {
    if (mark !== "plugin") return [];
    choosePlugin(settings, value, strategy.given.get(param)?.as);
    return [value];
  });
  const named = [...strategy.plugins, ...plugins];
  const agent = chooseAgent(session, prompt, named, askedBy(strategy));
  await checkCredentialSource(session, place, agent.credentials, signal);
  for (const note of agent.notes) await session.console.note(note);
  const files = await namedFiles(host, root, strategy.marked, strategy.given);
  await checkStrategy(strategy, { repo: place.repo, base, files, signal });
  const branches = await namedBranches(place.repo, base, strategy.marked, signal);
  refuseSecrets(session, { prompt, strategy: strategy.spec, agent: [agent.spec, agent.others] });
  const { code } = strategy;
  refuseSecretFiles(session, code ? [...files, { path: code.file, ...code }] : files);
  if (session.has("dry-run"))
    return await tellPlan(session, { root, base, strategy, agent, files });
  const connection = await session.connect();
  try {
    signal.throwIfAborted();
    const sized = await sizedSession(session, connection);
    const parts = {
      session: sized,
      connection,
      place,
      base,
      branches,
      agent,
      strategy,
      files,
      prompt,
      signal,
    };
    const { run, spec } = await prepareSubmission(parts);
    await makeRoom(sized, connection, run);
    const keys = sealer();
    const { credentials } = agent;
    await submit(connection, keys, credentials, spec);
    progress.submitted = true;
    await connection.submitted();
    if (session.has("detach")) return await tellDetached(session, run);
    const own = { sealer: keys, credentials };
    return await watchRun({ session, connection, run, desk, place, own });
  } finally {
    await connection.close();
  }
}

/**
 * Where the parameters come from: of those that hold, only a trusted file's may decide what is the
 * user's to decide. Those of a strategy that nobody knows are told of.
 */
async function checkParamFiles(session: Session, { spec, given }: StrategyChoice): Promise<void> {
  refuseUntrusted(
    [...given].map(([param, each]) => [`strategies.${spec.name}.${param}`, each] as const),
    session.configuration.gathered.own,
  );
  for (const stray of strayStrategies(session.settings.chosen, spec.name)) {
    await session.console.warn(stray);
  }
}

/** What a strategy of ours will ask of the run's agent by a parameter of its own. */
function askedBy({ code, values }: StrategyChoice): { readonly maxTurns?: number } {
  const { max_turns: maxTurns } = values;
  return code === undefined && typeof maxTurns === "number" ? { maxTurns } : {};
}

/** Of the user's own code, which is loaded only where it is asked for. */
async function ownStrategy(session: Session, asked: StrategyReference, root: string) {
  if (asked.kind === "shipped") throw new PitayaError("internal", "a shipped strategy has no code");
  const { customStrategy } = await import("../custom-strategy/custom-strategy.ts");
  return customStrategy(session, asked, root);
}

/** With what `--parallel` means on the slots there are, where no flag says a number. */
async function sizedSession(session: Session, { bus }: Connection): Promise<Session> {
  const { settings } = session;
  const parallel = parallelOf(session.value("parallel"));
  const key = "orchestration.max_parallel_instances";
  if (parallel === undefined || settings.sources.get(key) === "flag") return session;
  const atOnce = await slotsFor(bus, parallel);
  if (atOnce === undefined) return session;
  return { ...session, settings: { ...settings, values: { ...settings.values, [key]: atOnce } } };
}

/** A number of instances asked for by name is had on the embedded runner, whatever it offers by itself. */
async function makeRoom({ settings }: Session, connection: Connection, run: string): Promise<void> {
  const parallel = settings.values["orchestration.max_parallel_instances"];
  if (parallel !== "auto") await connection.raiseSlots(run, parallel);
}
