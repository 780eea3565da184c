import { Command, type Help, type HelpConfiguration } from "commander";
import { type CommandName, commandSpec } from "./commands.ts";
import { commanderProgram, showFlags } from "./program.ts";

const FLAG_COLUMN = 32;
const RUNS_AND_MORE = [
  "A run is named by its id, by any beginning of it that no other has, or by @last.",
  "Options of a command: pitaya <command> --help",
];
const EXIT_CODES = [
  "",
  "Exit codes: 0 success; 1 engine, server, image or repository; 2 usage, interrupted or",
  "cancelled; 3 a failed outcome; 4 credentials; 5 budget.",
];

/** `pitaya --help`: examples, then commands, then the flags of a run by group. */
export function generalHelp(): string {
  const { options } = commandOf("run");
  const summary = "Runs AI coding agents, each in its own container and on its own git branch.";
  const examples = [...commandSpec("run").examples, "pitaya attach @last", "pitaya show @last"];
  const visibleOptions = (): ReturnType<Help["visibleOptions"]> => [...options];
  return printed(
    commanderProgram()
      .configureHelp({ ...layout, visibleOptions })
      .addHelpText("before", opening('"<prompt>" [options]', summary, examples))
      .addHelpText("after", EXIT_CODES.join("\n")),
  );
}

export function commandHelp(name: CommandName): string {
  const { usage, summary, examples } = commandSpec(name);
  const sentence = `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
  return printed(
    commandOf(name)
      .configureHelp(layout)
      .addHelpText("before", opening(usage, sentence, examples)),
  );
}

const commandOf = (name: CommandName): Command => showFlags(new Command(name).helpOption(false));

function printed(command: Command): string {
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => written.push(text) }).outputHelp();
  return written.join("");
}

const opening = (usage: string, summary: string, examples: readonly string[]): string =>
  [
    `pitaya ${usage}`,
    "",
    summary,
    "",
    "Examples:",
    ...examples.map((example) => `  ${example}`),
    "",
  ].join("\n");

/** Lists of commander's; usage and examples stand before them. */
const layout: HelpConfiguration = {
  formatHelp(command, helper) {
    const commands = helper.visibleCommands(command);
    const column = helper.longestSubcommandTermLength(command, helper) + 6;
    const commandLines = commands.map((each) =>
      helper.formatItem(each.name(), column, helper.subcommandDescription(each), helper),
    );
    const options = helper.visibleOptions(command);
    const groups = helper.groupItems(options, options, (each) => each.helpGroupHeading ?? "");
    const optionLists = [...groups].flatMap(([heading, members]) => {
      const lines = members.map((each) =>
        helper.formatItem(helper.optionTerm(each), FLAG_COLUMN, each.description, helper),
      );
      return helper.formatItemList(heading, lines, helper);
    });
    return [
      ...helper.formatItemList("Commands:", commandLines, helper),
      ...(commands.length === 0 ? [] : [...RUNS_AND_MORE, ""]),
      ...optionLists,
    ].join("\n");
  },
  subcommandTerm: (command) => command.name(),
  optionTerm: ({ short, flags }) => (short === undefined ? `    ${flags}` : flags),
  formatItem(term, column, description) {
    const start = `  ${term}`;
    return start.length < column
      ? `${start.padEnd(column)}${description}`
      : `${start}\n${" ".repeat(column)}${description}`;
  },
};
