import { PitayaError } from "@pitaya/protocol";
import { type Engine, statusOf, unlessGone } from "./engine.ts";
import type { Helpers } from "./helper-container.ts";
import { type Naming, shortHash } from "./names.ts";
import { AGENT_USER } from "./places.ts";

/** Resolves images and checks, once per image and program, that an agent can run in them. */
export function imageCheck(engine: Engine, naming: Naming, helpers: Helpers, script: string) {
  /** What each image lacks, asked once also by many at the same moment; only a pass is remembered. */
  const asked = new Map<string, Promise<string>>();

  return async (reference: string, program: string): Promise<{ readonly imageId: string }> => {
    const image = await unlessGone("look up an image", () => engine.getImage(reference).inspect());
    if (image === undefined) throw missingImage(reference);
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

export function missingImage(reference: string): PitayaError {
  return new PitayaError("image_missing", `The engine has no image ${reference}.`, {
    hint: reference.startsWith("pitaya-")
      ? "Build Pitaya's images (docker/README.md)."
      : `Fetch it with: docker pull ${reference}`,
  });
}
