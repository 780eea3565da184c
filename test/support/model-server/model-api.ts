import type { ErrorStep, ModelRequest, Reply } from "./scenario.ts";

/** A turn of the model, in the words of an API. */
export interface Answer {
  /** Body of an answer that is given whole. */
  readonly whole: unknown;
  /** The same as server-sent events, in order, each a text of its own. */
  readonly events: readonly string[];
  /** Events of an answer that will not be finished. */
  readonly unfinished: readonly string[];
}

/** An API that agents speak to a model. */
export interface ModelApi {
  /** Whether a request below the base URL is one of its. */
  serves(path: string): boolean;
  /** @throws ZodError when the body is no request of this API */
  read(body: unknown, path: string): ModelRequest;
  /** @param newId 24 hex digits, new at each call */
  answer(reply: Reply, request: ModelRequest, newId: () => string): Answer;
  errorBody(error: ErrorStep): unknown;
  /** An error inside of a stream that has begun. */
  errorEvent(type: string, message: string): string;
}

/** Text in a few pieces, as it would come from a model. */
export const pieces = (text: string): string[] => text.match(/[\s\S]{1,40}/gu) ?? [""];

/** A call of a tool. */
export interface Call {
  readonly tool: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** What a reply calls; its shell commands by whatever the agent calls its shell tool. */
export function callsOf(reply: Reply, tools: readonly string[], shell: string): readonly Call[] {
  if ("text" in reply) return [];
  if ("tool" in reply) return [{ tool: reply.tool, input: reply.input }];
  const commands = typeof reply.bash === "string" ? [reply.bash] : reply.bash;
  // Codex's shell, which has another parameter as well.
  if (tools.includes("exec_command")) {
    return commands.map((cmd) => ({ tool: "exec_command", input: { cmd } }));
  }
  const tool = tools.find((name) => name.toLowerCase() === shell.toLowerCase()) ?? shell;
  return commands.map((command) => ({
    tool,
    input: { command, description: "Run a shell command" },
  }));
}

/** What a reply says beside its calls. */
export const saidIn = (reply: Reply): string => ("text" in reply ? reply.text : (reply.say ?? ""));
