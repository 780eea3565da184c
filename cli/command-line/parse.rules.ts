import { type Command, CommanderError } from "commander";
import { type CommandName, isCommand } from "./commands.ts";
import { type FlagName, flagSpec } from "./flags.ts";
import { flagMisuse, type Misuse, refusalMisuse, wordMisuse } from "./misuse.rules.ts";
import { commanderProgram } from "./program.ts";

/** A command line that was understood. */
export interface Invocation {
  readonly command: CommandName;
  readonly args: readonly string[];
  /** Values in the order given; a flag that takes none holds `true`. */
  readonly flags: ReadonlyMap<FlagName, readonly string[]>;
}

export type Parsed =
  | { readonly ok: true; readonly invocation: Invocation }
  | { readonly ok: false; readonly misuse: Misuse };

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
  const flags = new Map<FlagName, string[]>();
  const words: string[] = [];
  const program = commanderProgram({
    flag: (name, value = "true") => flags.set(name, [...(flags.get(name) ?? []), value]),
    words: (given) => words.push(...given),
  });
  const refusal = refusalOf(program, promptAfterTerminator(argv, program));
  const [first = ""] = program.args;
  const named = isCommand(first) ? first : undefined;
  const command = named ?? "run";
  if (refusal !== undefined) return { ok: false, misuse: refusalMisuse(refusal, command) };
  const invocation = withAliases(named, words, flags);
  const quick = flags.has("help") || flags.has("version");
  const misuse =
    twoCommands(flags) ??
    flagMisuse(argv, invocation.command, invocation.flags) ??
    (quick ? undefined : wordMisuse(argv, invocation, named, words));
  return misuse ? { ok: false, misuse } : { ok: true, invocation };
}

/** Flags that each stand for a command, and name its run, hold one value between them. */
function twoCommands(flags: ReadonlyMap<FlagName, readonly string[]>): Misuse | undefined {
  const given = (Object.keys(ALIASES) as FlagName[]).flatMap((name) =>
    (flags.get(name) ?? []).map(() => `--${name}`),
  );
  if (given.length < 2 || flags.has("help") || flags.has("version")) return undefined;
  const message = `${[...new Set(given)].join(" and ")} ${new Set(given).size > 1 ? "cannot be given together" : "can be given once"}.`;
  return { message, hint: "See `pitaya resume --help`." };
}

/** Has commander read the line. @returns what it refused it for */
function refusalOf(program: Command, argv: readonly string[]): CommanderError | undefined {
  try {
    program.parse(argv, { from: "user" });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error;
    throw error;
  }
}

/** Commander looks for a command after `--` too. Where it is to find none, the line says `run`. */
function promptAfterTerminator(argv: readonly string[], { options }: Command): readonly string[] {
  for (let at = 0; at < argv.length; at++) {
    const token = argv[at] ?? "";
    if (token === "--") return ["run", ...argv];
    if (!token.startsWith("-") || token === "-") return argv;
    if (options.some((option) => option.required && [option.long, option.short].includes(token)))
      at++;
  }
  return argv;
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
