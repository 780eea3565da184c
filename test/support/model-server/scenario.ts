import { z } from "zod";

const Millis = z.int().nonnegative().max(600_000);

/** How an answer is delivered: silence before it begins, and between its pieces. */
const Pace = { beforeMs: Millis.optional(), betweenMs: Millis.optional() };

/** Trouble that ends after `times` requests gives way to the next step; without it, it stays. */
const Lasting = { times: z.int().positive().optional() };

const Shell = z.union([z.string(), z.array(z.string()).min(1)]);

/** A turn of the model: it counts as one step of the conversation. */
const Reply = z.union([
  /** Calls of the agent's shell tool, all in one turn. */
  z.strictObject({ bash: Shell, say: z.string().optional(), ...Pace }),
  z.strictObject({
    tool: z.string(),
    input: z.record(z.string(), z.json()),
    say: z.string().optional(),
    ...Pace,
  }),
  z.strictObject({
    text: z.string(),
    stop: z.enum(["end_turn", "max_tokens", "refusal"]).optional(),
    ...Pace,
  }),
]);

const ErrorStep = z.strictObject({
  status: z.int().min(400).max(599),
  type: z.string(),
  message: z.string(),
  /** For APIs that tell more by it than by the type. */
  code: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});
export type ErrorStep = z.infer<typeof ErrorStep>;

/** Something else than a turn: the conversation stands where it stood. */
const Trouble = z.union([
  z.strictObject({ error: ErrorStep, ...Lasting }),
  /** Takes the request and never answers. */
  z.strictObject({ hang: z.literal(true), ...Lasting }),
  /** Begins to answer with this text, then falls silent. */
  z.strictObject({ stall: z.string(), ...Lasting }),
  /** Begins to answer with this text, then drops the connection. */
  z.strictObject({ cut: z.string(), ...Lasting }),
  /** Begins to answer, then reports an error inside the stream. */
  z.strictObject({
    streamError: z.strictObject({ type: z.string(), message: z.string() }),
    ...Lasting,
  }),
]);

export const Step = z.union([Reply, Trouble]);
export type Step = z.infer<typeof Step>;
export type Reply = z.infer<typeof Reply>;
export type Trouble = z.infer<typeof Trouble>;

export const Script = z.array(Step);

/** What an agent asked, whatever API it speaks. */
export interface ModelRequest {
  readonly model: string;
  readonly stream: boolean;
  /** All system text, wherever in the request it stood. */
  readonly system: string;
  /** Text of the last message that a person, and not a tool, sent. */
  readonly prompt: string;
  /** The model's turns since that prompt. */
  readonly step: number;
  /** Names of the tools offered. */
  readonly tools: readonly string[];
  /** Texts that tools answered since the prompt. */
  readonly toolResults: readonly string[];
  /** A question beside the agent's turns, to be answered in JSON. */
  readonly asksJson?: boolean;
}

/** A list of steps, or a function of the request that gives the next one. */
export type Scenario = readonly Step[] | ((request: ModelRequest) => Step);

export const isTrouble = (step: Step): step is Trouble =>
  "error" in step || "hang" in step || "stall" in step || "cut" in step || "streamError" in step;

/**
 * What to answer. A script is followed by the conversation alone, so many agents can follow it at
 * once and a repeated request gets the same answer; only `times` needs memory: `met` counts, for
 * this scenario and id, the requests that met the trouble at an index, this one included.
 */
export function nextStep(
  scenario: Scenario,
  request: ModelRequest,
  met: (index: number) => number,
): Step {
  if (typeof scenario === "function") return scenario(request);
  let turns = 0;
  for (const [index, step] of scenario.entries()) {
    if (!isTrouble(step)) {
      if (turns === request.step) return step;
      turns += 1;
    } else if (turns === request.step && (step.times === undefined || met(index) <= step.times)) {
      return step;
    }
  }
  return { text: "Nothing is left to do." };
}

const SCRIPT_PREFIX = "script.";

/** A script as a scenario name, for a base URL made where the server is not. */
export const scriptName = (script: readonly Step[]): string =>
  SCRIPT_PREFIX + Buffer.from(JSON.stringify(script)).toString("base64url");

/** The script in a scenario name; `undefined` when the name holds none. @throws on a malformed one */
export function scriptOfName(name: string): readonly Step[] | undefined {
  if (!name.startsWith(SCRIPT_PREFIX)) return undefined;
  const json = Buffer.from(name.slice(SCRIPT_PREFIX.length), "base64url").toString("utf8");
  return Script.parse(JSON.parse(json));
}
