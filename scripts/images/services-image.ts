import { readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { readBundleIndex } from "../bundle/bundle.ts";
import type { Engine } from "../engine/find-engine.ts";
import { ownBase } from "../settings.mjs";
import { inputHash } from "../setup/input-hash.ts";
import type { Places } from "../setup/places.ts";
import type { Steps } from "../setup/steps.ts";
import { findOrMakeBase } from "./base-image.ts";
import { buildImage, type ImageBuild } from "./build-image.ts";
import { findImage, inputsLabel } from "./image-store.ts";

export const servicesImage = "pitaya-services:latest";
const dir = "docker/services";
/** What the runner-agent puts into agents' containers. */
const wrapper = "docker/wrapper";

/** The image of docker-compose.yml's services, from the bundle as it is. */
export async function findOrBuildServicesImage(
  places: Places,
  engine: Engine,
  steps: Steps,
): Promise<void> {
  const scripts = readdirSync(join(places.root, wrapper), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(places.root, join(entry.parentPath, entry.name)));
  const files = [`${dir}/Dockerfile`, `${dir}/start`, ...scripts];
  const bundle = readBundleIndex(places.dist);
  if (!bundle) throw new Error("the services are not bundled yet");
  const inputs = inputHash(places.root, files, [bundle.build, process.version]);
  const image = await findImage(engine, servicesImage);
  if (image?.labels[inputsLabel] === inputs) return;
  const base = await findOrMakeBase(engine, places.cache, undefined, steps);
  const how = base === ownBase ? supplied(places, base) : built(places, base);
  await steps.step(`image ${servicesImage}: building on ${base}`, () =>
    buildImage(engine, places.cache, {
      tag: servicesImage,
      dockerfile: join(places.root, dir, "Dockerfile"),
      inputs,
      ...how,
    }),
  );
}

type How = Pick<ImageBuild, "target" | "args" | "context">;

/** Without a registry: this machine's own Node and bundle. */
function supplied(places: Places, base: string): How {
  return {
    target: "supplied",
    args: { BASE: base },
    context: {
      node: process.execPath,
      dist: places.dist,
      wrapper: join(places.root, wrapper),
      start: join(places.root, dir, "start"),
    },
  };
}

/** From the sources, as `docker compose build` does it: this machine's Node may be no Linux one. */
function built(places: Places, base: string): How {
  return { target: "built", args: { BASE: base }, context: places.root };
}
