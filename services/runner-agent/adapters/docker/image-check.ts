import { PitayaError } from "@pitaya/protocol";
import { type Engine, statusOf, unlessGone } from "./engine.ts";
import type { Helpers } from "./helper-container.ts";
import { imagePull } from "./image-pull.ts";
import { type Naming, shortHash } from "./names.ts";
import { AGENT_USER } from "./places.ts";

/** Resolves images, pulls those that are not there, and checks, once per image and program, that an agent can run in them. */
export function imageCheck(engine: Engine, naming: Naming, helpers: Helpers, script: string) {
  /** What each image lacks, asked once also by many at the same moment; only a pass is remembered. */
  const asked = new Map<string, Promise<string>>();
  const pull = imagePull(engine);

  return async (reference: string, program: string): Promise<{ readonly imageId: string }> => {
    const image = (await lookUp(reference)) ?? (await pulled(reference));
    const key = `${image.Id} ${program}`;
    const asking = asked.get(key) ?? lackOf(image.Id, program);
    asked.set(key, asking);
    const lacks = await asking.catch((error: unknown) => {
      asked.delete(key);
      throw error;
    });
    if (lacks !== "") {
      asked.delete(key);
      throw new PitayaError("image_unusable", `The image ${reference} lacks: ${lacks}.`, {
        hint: "An agent's image needs sh, GNU coreutils, git and the agent's own program.",
      });
    }
    return { imageId: image.Id };
  };

  function lookUp(reference: string) {
    return unlessGone("look up an image", () => engine.getImage(reference).inspect());
  }

  async function pulled(reference: string) {
    // Nobody but this project's own build makes those.
    if (isOurs(reference)) throw missingImage(reference);
    const problem = await pull(reference);
    const image = problem === undefined ? await lookUp(reference) : undefined;
    if (image === undefined) throw missingImage(reference, problem);
    return image;
  }

  async function lackOf(imageId: string, program: string): Promise<string> {
    try {
      const result = await helpers.run({
        name: `${naming.prefix}-check-${shortHash(`${imageId} ${program}`, 12)}`,
        labels: naming.labels("check"),
        image: imageId,
        script,
        args: [program],
        user: AGENT_USER,
      });
      if (result.exitCode !== 0) return `a working /bin/sh (${result.stderr.trim().slice(-200)})`;
      return result.stdout.trim();
    } catch (error) {
      // The engine's answer to a program that is not in the image.
      const cause = error instanceof PitayaError ? error.cause : error;
      if (statusOf(cause) === 400 || statusOf(cause) === 404) return "/bin/sh";
      throw error;
    }
  }
}

const isOurs = (reference: string): boolean => reference.startsWith("pitaya-");

/** @param problem why it could not be pulled, where that was tried */
export function missingImage(reference: string, problem?: string): PitayaError {
  const why = problem === undefined ? "" : `, and it cannot be pulled: ${problem}`;
  return new PitayaError("image_missing", `The engine has no image ${reference}${why}.`, {
    hint: isOurs(reference)
      ? "Build Pitaya's images, in its clone: node scripts/setup.mjs"
      : `On the runner's host: docker pull ${reference} (after docker login, where it is private), or build it; docs/plugins.md says what an agent's image holds.`,
  });
}
