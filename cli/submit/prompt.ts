import { PitayaError } from "@pitaya/protocol";
import type { Session } from "../session.ts";

/** Far more than any model takes. */
const MAX_PROMPT_BYTES = 32 * 1024 * 1024;

/** Where the prompt is this word, it stands on standard input: a command line holds 128 KiB a word. */
const STANDARD_INPUT = "-";

/** @throws {PitayaError} `usage` where there is none */
export async function readPrompt({ args, host }: Pick<Session, "args" | "host">): Promise<string> {
  const [given] = args;
  const prompt = given === STANDARD_INPUT ? await textOf(host.input()) : given;
  if (prompt !== undefined && prompt.trim() !== "") return prompt;
  const message = prompt === undefined ? "there is no prompt" : "the prompt is empty";
  throw new PitayaError("usage", message, {
    hint: 'Say what is to be done: pitaya "<prompt>". `pitaya --help` shows more.',
  });
}

async function textOf(input: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > MAX_PROMPT_BYTES) {
      throw new PitayaError("usage", `the prompt is over ${MAX_PROMPT_BYTES / 1024 ** 2} MiB`);
    }
    chunks.push(chunk);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new PitayaError("usage", "the prompt on standard input is no UTF-8", { cause });
  }
}
