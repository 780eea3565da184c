import { Command, Option } from "commander";
import { COMMAND_NAMES, type CommandName, commandSpec } from "./commands.ts";
import { FLAG_GROUPS, FLAG_NAMES, type FlagName, flagSpec } from "./flags.ts";

/** Told of a command line while commander reads it. */
export interface Listener {
  /** Each use of a flag, in their order. */
  flag(name: FlagName, value: string | undefined): void;
  /** Last, what is neither a flag nor the command. */
  words(given: readonly string[]): void;
}

/**
 * The tables of commands and flags as a program of commander's. The program itself takes every
 * flag, since one may stand anywhere, but shows none: a command shows its own. Nothing is written
 * and nothing exits.
 *
 * `parse` throws a `CommanderError` for a flag that is unknown or lacks its value; whether a flag
 * fits its command, and how many words there are, is for the listener to judge.
 */
export function commanderProgram(listener?: Listener): Command {
  const program = new Command("pitaya")
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .helpOption(false)
    .helpCommand(false)
    .allowExcessArguments();
  for (const name of FLAG_NAMES) {
    program.addOption(flagOption(name).hideHelp());
    program.on(`option:${name}`, (value?: string) => listener?.flag(name, value));
  }
  for (const name of COMMAND_NAMES) {
    const command = program.command(name, { isDefault: name === "run" });
    command.summary(commandSpec(name).summary);
    command.action(() => listener?.words(command.args));
  }
  // Of the command that is meant alone: every start pays for what is made here.
  return program.hook("preSubcommand", (_, command) => {
    showFlags(command);
  });
}

/** Gives a command of the program its own flags, by group: for its help and for suggestions. */
export function showFlags(command: Command): Command {
  const { flags } = commandSpec(command.name() as CommandName);
  for (const group of FLAG_GROUPS) {
    command.optionsGroup(`${group}:`);
    const members = flags.filter((name) => flagSpec(name).group === group);
    for (const name of members) command.addOption(flagOption(name));
  }
  return command;
}

function flagOption(name: FlagName): Option {
  const { short, value, help } = flagSpec(name);
  const long = value === undefined ? `--${name}` : `--${name} <${value}>`;
  return new Option(short === undefined ? long : `-${short}, ${long}`, help);
}
