import { isFinalPhase } from "@pitaya/views";
import type { Finished, Running } from "../support/pitaya.ts";
import type { RunKind } from "./plan.rules.ts";
import type { Story } from "./story.ts";
import type { World } from "./world.ts";

/** What a person types for each kind of run. */
export const COMMANDS: Readonly<Record<RunKind, readonly string[]>> = {
  simple: ["works", "--runs", "5"],
  "two-stage": ["works", "--strategy", "test-two-stage"],
  "all-fail": ["fails", "--strategy", "test-all-fail"],
};

/** Exit code of a command that followed the run to its end. */
export const EXIT_CODES: Readonly<Record<RunKind, number>> = {
  simple: 0,
  "two-stage": 0,
  "all-fail": 3,
};

export interface Journey {
  readonly run: string;
  /** How each command ended, the first one first. */
  readonly commands: readonly (Finished & { readonly args: readonly string[] })[];
}

const MOST_COMMANDS = 6;

/**
 * What a person does about a run until it has ended: looks at what the command said, and attaches,
 * resumes or, where nothing was submitted, begins again.
 *
 * @param first the command that started it
 * @param healed resolves when what was struck is back
 */
export async function journey(
  world: World,
  kind: RunKind,
  cwd: string,
  first: Running,
  before: ReadonlySet<string>,
  healed: () => Promise<void>,
  story: Story,
): Promise<Journey> {
  const commands: (Finished & { readonly args: readonly string[] })[] = [];
  const runOf = () => [...world.watch.runs].find((run) => !before.has(run));
  let args: readonly string[] = COMMANDS[kind];
  let command = first;
  for (;;) {
    const finished = await command.finished;
    commands.push({ ...finished, args });
    story.tell(`pitaya ${args.join(" ")}: exit ${finished.code}`);
    await healed();
    await world.whole();
    const run = runOf();
    const phase = run === undefined ? undefined : world.watch.view(run)?.phase;
    const isOver = phase !== undefined && isFinalPhase(phase);
    const followed = finished.code === EXIT_CODES[kind] || finished.code === 3;
    if (run !== undefined && isOver && followed) return { run, commands };
    if (commands.length >= MOST_COMMANDS) {
      throw new Error(`after ${commands.length} commands the run is ${phase ?? "not submitted"}`);
    }
    if (run === undefined) args = COMMANDS[kind];
    else args = [phase === "interrupted" ? "resume" : "attach", run];
    story.tell(`the run is ${phase ?? "not submitted"}; pitaya ${args.join(" ")}`);
    command = world.pitaya([...args, "--no-tui"], cwd);
  }
}
