import { COMMAND_NAMES, type CommandName, commandSpec } from "./commands.ts";
import { FLAG_GROUPS, type FlagName, flagSpec } from "./flags.ts";

const FLAG_COLUMN = 32;

/** `pitaya --help`: examples, then commands, then the flags of a run by group. */
export function generalHelp(): string {
  const column = Math.max(...COMMAND_NAMES.map((name) => name.length)) + 4;
  return lines(
    'pitaya "<prompt>" [options]',
    "",
    "Runs AI coding agents, each in its own container and on its own git branch.",
    "",
    "Examples:",
    ...commandSpec("run").examples.map((example) => `  ${example}`),
    "  pitaya attach @last",
    "  pitaya show @last",
    "",
    "Commands:",
    ...COMMAND_NAMES.map((name) => `  ${name.padEnd(column)}${commandSpec(name).summary}`),
    "",
    "A run is named by its id, by any beginning of it that no other has, or by @last.",
    "Options of a command: pitaya <command> --help",
    ...flagHelp(commandSpec("run").flags),
    "",
    "Exit codes: 0 success; 1 engine, server, image or repository; 2 usage, interrupted or",
    "cancelled; 3 a failed outcome; 4 credentials; 5 budget.",
  );
}

export function commandHelp(name: CommandName): string {
  const { usage, summary, examples, flags } = commandSpec(name);
  return lines(
    `pitaya ${usage}`,
    "",
    `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`,
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    ...flagHelp(flags),
  );
}

function flagHelp(names: readonly FlagName[]): string[] {
  return FLAG_GROUPS.flatMap((group) => {
    const members = names.filter((name) => flagSpec(name).group === group);
    return members.length === 0 ? [] : ["", `${group}:`, ...members.map(flagLine)];
  });
}

function flagLine(name: FlagName): string {
  const { short, value, help } = flagSpec(name);
  const written = `${short === undefined ? "    " : `-${short}, `}--${name}${value ? ` <${value}>` : ""}`;
  const start = `  ${written}`;
  return start.length < FLAG_COLUMN
    ? `${start.padEnd(FLAG_COLUMN)}${help}`
    : `${start}\n${" ".repeat(FLAG_COLUMN)}${help}`;
}

const lines = (...all: readonly string[]): string => `${all.join("\n")}\n`;
