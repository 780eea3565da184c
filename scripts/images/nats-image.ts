import { join } from "node:path";
import type { Engine } from "../engine/find-engine.ts";
import { natsServerImage, ownBase } from "../settings.mjs";
import { inputHash } from "../setup/input-hash.ts";
import type { Places } from "../setup/places.ts";
import type { Steps } from "../setup/steps.ts";
import { buildImage } from "./build-image.ts";
import { findImage, inputsLabel } from "./image-store.ts";

export const natsImage = "pitaya-nats:latest";
const dir = "docker/nats";

export async function isNatsImageCurrent(places: Places, engine: Engine): Promise<boolean> {
  const image = await findImage(engine, natsImage);
  return image?.labels[inputsLabel] === wantedInputs(places);
}

/**
 * On the official image, or where no registry has that, with this machine's own nats-server: a base
 * made here means Debian, so that the program finds the same C library inside.
 */
export async function buildNatsImage(
  places: Places,
  engine: Engine,
  base: string,
  natsServer: () => Promise<string>,
  steps: Steps,
): Promise<void> {
  const supplied = base === ownBase ? { "nats-server": await natsServer() } : {};
  await steps.step(`image ${natsImage}: building`, () =>
    buildImage(engine, places.cache, {
      tag: natsImage,
      dockerfile: join(places.root, dir, "Dockerfile"),
      target: base === ownBase ? "supplied" : "official",
      args: { BASE: base, NATS: natsServerImage },
      context: { ...supplied, "nats.conf": join(places.root, dir, "nats.conf") },
      inputs: wantedInputs(places),
    }),
  );
}

function wantedInputs(places: Places): string {
  return inputHash(places.root, [`${dir}/Dockerfile`, `${dir}/nats.conf`], []);
}
