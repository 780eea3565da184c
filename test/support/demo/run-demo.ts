import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { type AgentSetting, ownAccount, scriptedModel } from "./agent-setting.ts";
import { pitaya, shellLine } from "./command.ts";
import { git } from "./git.ts";
import { makeSampleRepository } from "./sample-repository.ts";

export interface DemoOptions {
  /** With the user's own credentials against the real provider. */
  readonly live: boolean;
  readonly env: NodeJS.ProcessEnv;
}

const say = (text = "") => process.stdout.write(`${text}\n`);

/**
 * One run from prompt to branch, shown as a person would type it. It has a stack of its own, which it
 * ends again; the sample repository with its new branch stays, and is named.
 *
 * @returns the exit code
 */
export async function runDemo({ live, env }: DemoOptions): Promise<number> {
  const setting = live ? ownAccount(env) : await scriptedModel(env);
  if (!setting) {
    say("--live needs ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN in the environment.");
    return 4;
  }
  // A signal ends the command that is under way; what was begun is cleared up all the same.
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  try {
    return await show(setting, () => stopped);
  } finally {
    await setting.close();
  }
}

async function show(setting: AgentSetting, stopped: () => boolean): Promise<number> {
  say(`Pitaya's demo: ${setting.promise}`);
  const repository = await makeSampleRepository();
  const env = { ...setting.env, PITAYA_STATE_DIR: demoStateDirectory(setting.env) };
  const run = async (args: readonly string[], shown: readonly string[] = args) => {
    say(`\n$ ${shellLine(["pitaya", ...shown])}`);
    return pitaya(args, repository, env);
  };
  say(`\nA sample repository of one commit: ${repository}`);

  const code = await run([setting.prompt, "--no-tui", ...setting.flags]);
  if (code === 0) say(`\n${setting.cost}`);
  const branch = await newestBranch(repository);
  if (branch !== undefined && !stopped()) {
    const id = branch.split("/").at(-2) ?? "@last";
    await showGit(repository, ["log", "--oneline", `main..${branch}`]);
    await showGit(repository, ["diff", `main...${branch}`]);
    await run(["events", id]);
  }
  const down = await run(["down", "--when-idle"]);

  if (branch !== undefined) sayWhatNext(repository, branch);
  say(`Nothing of the demo is running any more. To remove it: rm -r ${repository}`);
  say(`That was the demo: ${setting.promise}`);
  if (code === 0 && branch === undefined) return 1;
  return code === 0 ? down : code;
}

async function showGit(repository: string, args: readonly string[]): Promise<void> {
  say(`\n$ ${shellLine(["git", ...args])}`);
  say(await git(repository, ["--no-pager", ...args]));
}

async function newestBranch(repository: string): Promise<string | undefined> {
  const refs = await git(repository, [
    "for-each-ref",
    "--sort=-committerdate",
    "--format=%(refname:short)",
    "refs/heads/pitaya",
  ]);
  return refs.split("\n").find((name) => name !== "");
}

function sayWhatNext(repository: string, branch: string): void {
  say("\nWhat to type next:");
  say(`  git -C ${repository} merge ${branch}`);
  say("      takes the agent's commits into the sample's main branch");
  say('  ANTHROPIC_API_KEY=… npx pitaya "…" --repo <your repository>');
  say(
    "      does the same with your own prompt, your own code, and Claude itself; --runs 3 tries thrice",
  );
  say("  npx pitaya --help");
  say("      shows everything else\n");
}

/** One for all demos of this user, so that the next one finds what this one fetched. */
function demoStateDirectory(env: NodeJS.ProcessEnv): string {
  const xdg = env["XDG_STATE_HOME"];
  const state = xdg && isAbsolute(xdg) ? xdg : join(env["HOME"] || homedir(), ".local", "state");
  return join(state, "pitaya-demo");
}
