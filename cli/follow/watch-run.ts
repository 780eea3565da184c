import { credentialsAgain, findPlugin, pluginNames } from "@pitaya/plugins";
import type { Summary } from "@pitaya/views";
import type { StackGone } from "../connect/connection.port.ts";
import type { Session } from "../session.ts";
import { credentialSources } from "../submit/agent-choice.ts";
import { exitCodeOfFollow } from "./exit-code.rules.ts";
import { type FollowOptions, followRun } from "./follow-run.ts";

/** Follows a run for a person: the last words of a command that ends before the run does are said here. */
export async function watchRun(options: FollowOptions): Promise<number> {
  const { session, run, desk } = options;
  const end = await followRun(options);
  if (end.how === "departed") {
    await session.console.note(`${run} goes on; \`pitaya attach ${run}\` shows it again`);
  }
  const embedded = session.settings.values["nats.url"] === undefined;
  if (end.how === "ended" && end.summary.status === "interrupted" && embedded) {
    await session.console.note(
      "the embedded stack stays until it is idle; `pitaya down` ends it now",
    );
  }
  if (end.how === "ended") await tellRefusedCredential(options, end.summary);
  if (end.how === "stack-gone") await tellStackGone(session, run, end.gone);
  return exitCodeOfFollow(end, desk.role);
}

/** Which one of those that lie about was refused: the agents' own words tell of a key only. */
async function tellRefusedCredential(
  { session, own }: FollowOptions,
  { plugin, results }: Summary,
): Promise<void> {
  if (!results.some((result) => result.error_code === "credentials_refused")) return;
  // One that was declared has what the environment has.
  if (!pluginNames.includes(plugin)) return;
  const agent = findPlugin(plugin);
  const credentials = Object.keys(own.credentials);
  if (!agent.credentials.some(({ env }) => credentials.includes(env))) return;
  const { from } = credentialsAgain(agent, { credentials }, credentialSources(session));
  await session.console.problem(`the credential that was refused was given by ${from}`);
}

async function tellStackGone(session: Session, run: string, gone: StackGone): Promise<void> {
  const interrupted = gone.interrupted.includes(run);
  await session.console.problem(
    `the embedded stack ended (${gone.reason})${interrupted ? ` and interrupted ${run}` : ""}; ` +
      `\`pitaya resume ${run}\` goes on with it`,
  );
}

/** The run is left to itself; its id is the result. @returns the exit code */
export async function tellDetached({ console, settings }: Session, run: string): Promise<number> {
  const json = settings.values.output === "json";
  await console.result(json ? JSON.stringify({ v: 1, run_id: run, status: "running" }) : run);
  if (!json) await console.note(`\`pitaya attach ${run}\` shows it`);
  return 0;
}
