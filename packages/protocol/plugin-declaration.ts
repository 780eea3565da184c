import { z } from "zod";
import { AgentEnv } from "./agent-env.ts";
import { ImageReference } from "./images.ts";

/** What a declared program prints: `text`, or the stream of a CLI that a plugin of ours reads. */
export const OutputFormat = z.enum(["text", "claude-stream-json", "codex-json"]);
export type OutputFormat = z.infer<typeof OutputFormat>;

const word = z
  .string()
  .max(32_768)
  .refine((text) => !text.includes("\0"), "expected no NUL character");

const variable = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]*$/, "expected the name of a variable, in capitals");

/**
 * A program as an agent: `plugins.<name>` of the configuration, and what it travels as.
 *
 * `argv` is a template. A word's `{prompt}` becomes the prompt, `{prompt_file}` the path of a file
 * with it, `{model}` the model; the word `{args}` becomes the agent arguments of the run. Where
 * neither prompt place stands, the prompt is on stdin. No shell reads any of it.
 */
export const PluginDeclaration = z.strictObject({
  argv: z.array(word).min(1, "expected the words of a command line").max(256),
  output: OutputFormat.default("text"),
  /** Where the run names none. */
  image: ImageReference.optional(),
  model: z.string().min(1).max(200).optional(),
  env: AgentEnv.default({}),
  /** Variables of the user's environment that it needs, by the names it gets them under. */
  credentials: z.array(variable).max(8).default([]),
  /** Variable under which it gets the provider's address. */
  baseUrlEnv: variable.optional(),
});
export type PluginDeclaration = z.infer<typeof PluginDeclaration>;
