import { isLongArgument } from "./argument-bytes.ts";

/** What is filled into a template. */
export interface TemplateValues {
  readonly prompt: string;
  readonly model: string | undefined;
  /** For the word `{args}`; without one they stand before the prompt. */
  readonly args: readonly string[];
}

export interface FilledTemplate {
  readonly argv: readonly string[];
  readonly stdin?: string;
  /** Why it cannot be filled so; then nothing else here holds. */
  readonly problems: readonly string[];
}

const PROMPT = "{prompt}";
const PROMPT_FILE = "{prompt_file}";
const MODEL = "{model}";
const ARGS = "{args}";

/** Where stdin can be opened by its name. It is a file, which can be read more than once. */
const STDIN_FILE = "/dev/stdin";

/** A word of the template, to be filled in, or one of the run's arguments, to be left as it is. */
interface Word {
  readonly text: string;
  readonly isArgument: boolean;
}

/**
 * Fills an argv template.
 *
 * A prompt is never an option: where its place is a word of its own, one that begins with `-` stands
 * after `--`. A prompt that is too long for a command line goes by stdin, and its word is left out.
 */
export function fillTemplate(template: readonly string[], values: TemplateValues): FilledTemplate {
  const { prompt, model } = values;
  const problems: string[] = [];
  const has = (place: string) => template.some((word) => word.includes(place));
  const [program = ""] = template;
  // The wrapper starts it by env, which reads a word with = as a variable.
  if (!/^[^={}]+$/.test(program)) problems.push("argv does not begin with the name of a program");
  const isLong = isLongArgument(prompt);
  if (isLong && template.some((word) => word.includes(PROMPT) && word !== PROMPT)) {
    problems.push(`prompt is over 96 KiB, and ${PROMPT} is part of a word; write ${PROMPT_FILE}`);
  }
  if (model === undefined && has(MODEL)) {
    problems.push(`model is not given, and argv has ${MODEL}`);
  }

  const argv: string[] = [];
  for (const { text, isArgument } of withArguments(template, values.args)) {
    const isPrompt = text === PROMPT && !isArgument;
    if (isPrompt && isLong) {
      if (argv.at(-1) === "--") argv.pop();
      continue;
    }
    if (isPrompt && prompt.startsWith("-") && !argv.includes("--")) {
      const before = argv.length > 1 ? (argv.at(-1) ?? "") : "";
      if (before.startsWith("-")) {
        problems.push(
          `prompt begins with "-" and would be an option after ${before}; write -- before ${PROMPT}`,
        );
      }
      argv.push("--");
    }
    argv.push(isArgument ? text : filled(text, prompt, model ?? ""));
  }
  if (argv.some(isLongArgument) && !isLong) problems.push("a word of argv is over 96 KiB");
  const isByStdin = isLong || has(PROMPT_FILE) || !has(PROMPT);
  return { argv, problems, ...(isByStdin && { stdin: prompt }) };
}

/** In one pass, so that what is filled in is not read as a template itself. */
const filled = (word: string, prompt: string, model: string): string =>
  word.replaceAll(/\{(prompt|prompt_file|model)\}/g, (_, name: string) => {
    if (name === "prompt") return prompt;
    return name === "model" ? model : STDIN_FILE;
  });

function withArguments(template: readonly string[], args: readonly string[]): readonly Word[] {
  const own = (text: string): Word => ({ text, isArgument: false });
  const given = args.map((text): Word => ({ text, isArgument: true }));
  if (template.includes(ARGS)) {
    return template.flatMap((word) => (word === ARGS ? given : [own(word)]));
  }
  const found = template.findIndex((word) => word.includes(PROMPT) || word.includes(PROMPT_FILE));
  const prompt = found === -1 ? template.length : found;
  const at = template[prompt - 1] === "--" ? prompt - 1 : prompt;
  return [...template.slice(0, at).map(own), ...given, ...template.slice(at).map(own)];
}
