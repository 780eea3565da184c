import { createInterface } from "node:readline";
import type { Engine } from "./engine.ts";

/** An engine that says nothing for this long is no longer waited for. */
const SILENCE_MS = 120_000;

/** Why an image could not be had from where its name says it is; undefined where it is there now. */
export type ImagePull = (reference: string) => Promise<string | undefined>;

/** Has the engine pull images, each once however many ask for it, and without credentials. */
export function imagePull(engine: Engine, silenceMs: number = SILENCE_MS): ImagePull {
  const underWay = new Map<string, Promise<string | undefined>>();
  return (reference) => {
    const pulling =
      underWay.get(reference) ??
      pull(engine, reference, silenceMs).finally(() => underWay.delete(reference));
    underWay.set(reference, pulling);
    return pulling;
  };
}

async function pull(
  engine: Engine,
  reference: string,
  silenceMs: number,
): Promise<string | undefined> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), silenceMs);
  try {
    const progress = await engine.pull(reference, { abortSignal: silence.signal });
    let problem: string | undefined;
    for await (const line of createInterface({ input: progress })) {
      timer.refresh();
      problem = problemIn(line) ?? problem;
    }
    return problem;
  } catch (error) {
    if (silence.signal.aborted) return `the engine said nothing for ${silenceMs / 1000} s`;
    return error instanceof Error ? error.message.trim() : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/** The engine answers at once that it has begun; how it went stands in what it says then. */
function problemIn(line: string): string | undefined {
  try {
    const said: unknown = JSON.parse(line);
    const isError = typeof said === "object" && said !== null && "error" in said;
    return isError ? String(said.error).trim() : undefined;
  } catch {
    return undefined;
  }
}
