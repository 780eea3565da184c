import { type ModelRequest, nextStep, type Scenario, type Step } from "./scenario.ts";

/** Who answers a prompt, and what. */
export interface Part {
  /** Words of the prompts that are meant for it. */
  readonly hears: RegExp;
  /**
   * Its script for the nth different prompt it hears, from 0. The same prompt again gets the same
   * script: agents repeat their requests.
   */
  readonly plays: (n: number, request: ModelRequest) => readonly Step[];
}

/** Who was asked what, in order, each prompt once. */
export interface Heard {
  readonly part: string;
  readonly request: ModelRequest;
}

/**
 * A scenario that plays several agents: generators, scorers, reviewers, each by its own script. The
 * first part that hears a prompt answers it; a prompt that is meant for nobody is refused, so that
 * a test sees it.
 */
export function cast(parts: Readonly<Record<string, Part>>): {
  readonly scenario: Scenario;
  /** So far. */
  heard(part?: string): readonly Heard[];
} {
  const heard: Heard[] = [];
  const of = (part: string) => heard.filter((one) => one.part === part);

  function scenario(request: ModelRequest): Step {
    const found = Object.entries(parts).find(([, { hears }]) => hears.test(request.prompt));
    if (!found) {
      const message = `nobody plays the prompt ${JSON.stringify(request.prompt.slice(0, 200))}`;
      return { error: { status: 400, type: "invalid_request_error", message } };
    }
    const [part, { plays }] = found;
    const isKnown = ({ request: { prompt, model } }: Heard) =>
      prompt === request.prompt && model === request.model;
    if (!of(part).some(isKnown)) heard.push({ part, request });
    return nextStep(plays(of(part).findIndex(isKnown), request), request, () => 1);
  }

  return { scenario, heard: (part) => (part === undefined ? heard : of(part)) };
}

/** Writes a file as the agent's shell does, whatever is in it, and commits it. */
export function commitsFile(path: string, text: string, message = `Write ${path}`): Step {
  const encoded = Buffer.from(text).toString("base64");
  return {
    bash: `mkdir -p "$(dirname '${path}')" && echo ${encoded} | base64 -d > '${path}' && git add '${path}' && git commit -q -m '${message}'`,
  };
}

export const says = (text: string): readonly Step[] => [{ text }];
