import type { CommanderError } from "commander";
import { COMMAND_NAMES, type CommandName, commandSpec, RESERVED_WORDS } from "./commands.ts";
import { type FlagName, flagSpec, isFlag } from "./flags.ts";
import { nearest } from "./nearest.rules.ts";

/** What is wrong with a command line, and what to type instead. Exit code 2. */
export interface Misuse {
  readonly message: string;
  readonly hint: string;
}

type Flags = ReadonlyMap<FlagName, readonly string[]>;

/** What commander refused, said in our words: it tells the rest of it in its message only. */
export function refusalMisuse({ message }: CommanderError, command: CommandName): Misuse {
  const [, lacking] = /^error: option '.*--([\w-]+).*' argument missing$/.exec(message) ?? [];
  if (lacking !== undefined && isFlag(lacking)) return valueMissing(lacking);
  const [, written = "", meant] =
    /^error: unknown option '(.*)'(?:\n\(Did you mean (.*)\?\))?$/s.exec(message) ?? [];
  return unknownFlag(written, command, meant);
}

function unknownFlag(written: string, command: CommandName, meant?: string): Misuse {
  const [flag = ""] = written.split("=", 1);
  const name = flag.replace(/^-+/, "");
  if (flag === `--${name}` && isFlag(name)) {
    // A flag that there is, written as no flag can be: with a value although it takes none.
    const message = `${flag} takes no value.`;
    return elsewhere(name, command) ?? { message, hint: `Write ${flag}.` };
  }
  // Commander names all that are equally near, and none that the word is only the beginning of.
  const near = nearest(name, commandSpec(command).flags);
  const suggested = near === undefined ? meant : `--${near}`;
  const hint =
    suggested === undefined ? `See \`${helpOf(command)}\`.` : `Did you mean ${suggested}?`;
  const isPrompt = command === "run" && (suggested === undefined || /\s/.test(written));
  const dash = isPrompt ? " A prompt that begins with a dash comes last, after `--`." : "";
  return { message: `Unknown flag ${flag}.`, hint: `${hint}${dash}` };
}

const helpOf = (command: CommandName): string =>
  command === "run" ? "pitaya --help" : `pitaya ${command} --help`;

/** What is wrong with flags that there are: taken by another command, or without their value. */
export function flagMisuse(
  argv: readonly string[],
  command: CommandName,
  flags: Flags,
): Misuse | undefined {
  for (const [name, values] of flags) {
    const misuse = elsewhere(name, command);
    if (misuse) return misuse;
    // A token for the agent may look like a flag; for anything else that is a forgotten value.
    const forgotten = values.some((value) => isFlagText(value) && standsAfter(argv, name, value));
    const isForAgent = name.startsWith("cli-arg");
    if (forgotten && !isForAgent) return valueMissing(name);
    // Of a variable that is not set, as a rule: what would hold instead is not what was meant.
    if (!isForAgent && values.some((value) => value.trim() === "")) return valueEmpty(name);
  }
  return undefined;
}

function elsewhere(name: FlagName, command: CommandName): Misuse | undefined {
  if (commandSpec(command).flags.includes(name)) return undefined;
  const owner = COMMAND_NAMES.find((other) => commandSpec(other).flags.includes(name));
  const { short } = flagSpec(name);
  const called = short === undefined ? `--${name}` : `-${short}, --${name}`;
  const message = `${called} is not a flag of \`pitaya ${command}\`.`;
  return { message, hint: `It belongs to \`pitaya ${owner}\`; see \`${helpOf(command)}\`.` };
}

function valueMissing(name: FlagName): Misuse {
  const { value } = flagSpec(name);
  return {
    message: `--${name} needs a value.`,
    hint: `Write --${name} <${value}>, or --${name}=<${value}>.`,
  };
}

function valueEmpty(name: FlagName): Misuse {
  const { value } = flagSpec(name);
  return { message: `--${name} is empty.`, hint: `Give it a <${value}>, or leave it out.` };
}

const isFlagText = (text: string): boolean =>
  text.startsWith("--") && isFlag(text.slice(2).split("=", 1)[0] ?? "");

/** Whether the value is a token of its own, not joined to the flag by `=`. */
function standsAfter(argv: readonly string[], name: FlagName, value: string): boolean {
  const { short } = flagSpec(name);
  const written = short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
  return argv.some((token, at) => written.includes(token) && argv[at + 1] === value);
}

/** What is wrong with the words: a mistyped command, too few of them or too many. */
export function wordMisuse(
  argv: readonly string[],
  { command, args }: { readonly command: CommandName; readonly args: readonly string[] },
  named: CommandName | undefined,
  words: readonly string[],
): Misuse | undefined {
  const [first] = words;
  // Commander takes a negative number for a word.
  const number = words.find((word) => word.startsWith("-") && word !== "-");
  if (number !== undefined && !argv.includes("--")) return unknownFlag(number, named ?? "run");
  if (command === "run" && named === undefined && first !== undefined) {
    const mistaken = mistakenCommand(first, words.length);
    if (mistaken) return mistaken;
  }
  const spec = commandSpec(command);
  const required = spec.args.filter((arg) => !arg.endsWith("?"));
  const missing = required[args.length];
  if (missing !== undefined) {
    return { message: `\`pitaya ${command}\` needs a ${missing}.`, hint: usageHint(spec.usage) };
  }
  if (args.length <= spec.args.length) return undefined;
  if (command === "run") {
    const message = `One prompt is expected, but there are ${args.length} words.`;
    return { message, hint: 'Put the prompt in quotes: pitaya "<prompt>".' };
  }
  const extra = args.slice(spec.args.length).join(" ");
  return { message: `\`pitaya ${command}\` does not take: ${extra}`, hint: usageHint(spec.usage) };
}

const usageHint = (usage: string) => `Usage: pitaya ${usage}`;

/** A bare word that is, or looks like, a command is not spent on an agent. */
function mistakenCommand(word: string, count: number): Misuse | undefined {
  const asPrompt = `For a prompt of that text, write: pitaya run "${word}"`;
  if (RESERVED_WORDS.has(word)) {
    return { message: `This version has no command \`${word}\`.`, hint: asPrompt };
  }
  if (/\s/.test(word)) return undefined;
  const meant = nearest(word, COMMAND_NAMES);
  if (meant !== undefined) {
    return {
      message: `Unknown command ${word}.`,
      hint: `Did you mean \`pitaya ${meant}\`? ${asPrompt}`,
    };
  }
  if (count === 1) return undefined;
  return {
    message: `Unknown command ${word}.`,
    hint: 'See `pitaya --help`. For a prompt, put it in quotes: pitaya "<prompt>".',
  };
}
