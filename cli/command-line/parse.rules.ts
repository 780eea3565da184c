import { parseArgs } from "node:util";
import {
  COMMAND_NAMES,
  type CommandName,
  commandSpec,
  isCommand,
  RESERVED_WORDS,
} from "./commands.ts";
import { FLAG_NAMES, type FlagName, flagSpec } from "./flags.ts";
import { nearest } from "./nearest.rules.ts";

/** A command line that was understood. */
export interface Invocation {
  readonly command: CommandName;
  readonly args: readonly string[];
  /** Values in the order given; a flag that takes none holds `true`. */
  readonly flags: ReadonlyMap<FlagName, readonly string[]>;
}

/** A command line that was not: what is wrong, and what to type instead. Exit code 2. */
export interface Misuse {
  readonly message: string;
  readonly hint: string;
}

export type Parsed =
  | { readonly ok: true; readonly invocation: Invocation }
  | { readonly ok: false; readonly misuse: Misuse };

const options = Object.fromEntries(
  FLAG_NAMES.map((name) => {
    const { short, value } = flagSpec(name);
    const type: "string" | "boolean" = value === undefined ? "boolean" : "string";
    return [name, short === undefined ? { type } : { type, short }];
  }),
);

const ALIASES: Readonly<Partial<Record<FlagName, CommandName>>> = {
  "list-runs": "runs",
  "show-run": "show",
  resume: "resume",
  "resume-fresh": "resume",
};

/**
 * Understands a command line. Flags may stand anywhere; the first word that is a command's name is
 * the command, otherwise the one word is the prompt of a run. After `--` nothing is a flag or a
 * command.
 */
export function parseCommandLine(argv: readonly string[]): Parsed {
  if (argv[0] === "help") return parseCommandLine([...argv.slice(1), "--help"]);
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const end = tokens.find((token) => token.kind === "option-terminator")?.index ?? argv.length;
  const words = tokens.filter((token) => token.kind === "positional");
  const [first] = words;
  const named =
    first !== undefined && first.index < end && isCommand(first.value) ? first.value : undefined;
  const flags = new Map<FlagName, string[]>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const problem = flagProblem(token, named);
    if (problem) return { ok: false, misuse: problem };
    const name = token.name as FlagName;
    flags.set(name, [...(flags.get(name) ?? []), token.value ?? "true"]);
  }
  const given = words.map((word) => word.value);
  const invocation = withAliases(named, named === undefined ? given : given.slice(1), flags);
  const quick = flags.has("help") || flags.has("version");
  const misuse = quick ? undefined : wordProblem(invocation, named, words.length, first, end);
  return misuse ? { ok: false, misuse } : { ok: true, invocation };
}

/** `--show-run <run>` and its like become the command they stand for. */
function withAliases(
  named: CommandName | undefined,
  args: readonly string[],
  flags: ReadonlyMap<FlagName, readonly string[]>,
): Invocation {
  for (const [flag, command] of Object.entries(ALIASES) as [FlagName, CommandName][]) {
    const [value] = flags.get(flag) ?? [];
    if (value === undefined || (named !== undefined && named !== "run" && named !== command))
      continue;
    const takesRun = flagSpec(flag).value !== undefined;
    const more = flag === "resume-fresh" ? ([["fresh", ["true"]]] as const) : [];
    return {
      command,
      args: takesRun ? [value, ...args] : args,
      flags: new Map([...flags].filter(([name]) => name !== flag).concat(more as never)),
    };
  }
  return { command: named ?? "run", args, flags };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function flagProblem(token: OptionToken, named: CommandName | undefined): Misuse | undefined {
  const { name, rawName, value, inlineValue } = token;
  const command = named ?? "run";
  const accepted: readonly string[] = commandSpec(command).flags;
  if (!accepted.includes(name)) return unknownFlag(name, rawName, command, accepted);
  const { value: placeholder } = flagSpec(name as FlagName);
  if (placeholder === undefined) {
    return inlineValue
      ? { message: `${rawName} takes no value.`, hint: `Write ${rawName}.` }
      : undefined;
  }
  // A token for the agent may look like a flag; for anything else that is a forgotten value.
  const swallowed =
    !inlineValue && !name.startsWith("cli-arg") && value !== undefined && isFlagText(value);
  if (value !== undefined && !swallowed) return undefined;
  return {
    message: `${rawName} needs a value.`,
    hint: `Write ${rawName} <${placeholder}>, or ${rawName}=<${placeholder}>.`,
  };
}

const isFlagText = (text: string): boolean =>
  text.startsWith("--") && Object.hasOwn(options, text.slice(2).split("=", 1)[0] ?? "");

function unknownFlag(
  name: string,
  rawName: string,
  command: CommandName,
  accepted: readonly string[],
): Misuse {
  const owner = COMMAND_NAMES.find((other) =>
    (commandSpec(other).flags as readonly string[]).includes(name),
  );
  const help = command === "run" ? "pitaya --help" : `pitaya ${command} --help`;
  if (owner !== undefined && Object.hasOwn(options, name)) {
    const message = `${rawName} is not a flag of \`pitaya ${command}\`.`;
    return { message, hint: `It belongs to \`pitaya ${owner}\`; see \`${help}\`.` };
  }
  const meant = nearest(name, accepted);
  const hint = meant === undefined ? `See \`${help}\`.` : `Did you mean --${meant}?`;
  return { message: `Unknown flag ${rawName}.`, hint };
}

function wordProblem(
  { command, args }: Invocation,
  named: CommandName | undefined,
  count: number,
  first: { readonly index: number; readonly value: string } | undefined,
  end: number,
): Misuse | undefined {
  if (command === "run" && named === undefined && first !== undefined && first.index < end) {
    const mistaken = mistakenCommand(first.value, count);
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
