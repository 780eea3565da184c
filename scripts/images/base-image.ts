import type { Engine } from "../engine/find-engine.ts";
import { ownBase, registryBase } from "../settings.mjs";
import { mayInstall } from "../setup/apt.ts";
import { SetUpError } from "../setup/set-up-error.ts";
import type { Steps } from "../setup/steps.ts";
import { canPull, findImage } from "./image-store.ts";
import { type BaseInTheMaking, beginOwnBase } from "./own-base.ts";

/**
 * What the other images build on: the ordinary image where a registry answers, else a Debian made
 * here from Debian's own packages. Its name is our own, so that nobody takes it for the real one.
 *
 * @param begun one already in the making; dropped if it turns out not to be needed
 */
export async function findOrMakeBase(
  engine: Engine,
  cache: string,
  begun: BaseInTheMaking | undefined,
  steps: Steps,
): Promise<string> {
  const found = await findBase(engine);
  if (found) {
    begun?.drop();
    return found;
  }
  if (!mayInstall()) {
    throw new SetUpError(
      `the engine at ${engine.host} has no image ${registryBase} and cannot pull it`,
      "let the engine reach its registry and run the command again, or load the image: docker load.",
    );
  }
  if (!begun) steps.say("base image: no container registry answers");
  await (begun ?? beginOwnBase(cache, steps)).importInto(engine);
  return ownBase;
}

async function findBase(engine: Engine): Promise<string | undefined> {
  if (await findImage(engine, ownBase)) return ownBase;
  if (await findImage(engine, registryBase)) return registryBase;
  return (await canPull(engine, registryBase)) ? registryBase : undefined;
}
