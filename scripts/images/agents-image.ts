import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../engine/find-engine.ts";
import { inputHash } from "../setup/input-hash.ts";
import type { Places } from "../setup/places.ts";
import type { Steps } from "../setup/steps.ts";
import type { AgentClis } from "./agent-clis.ts";
import { buildImage } from "./build-image.ts";
import { findImage, inputsLabel } from "./image-store.ts";

export const agentsImage = "pitaya-agents:latest";
const dir = "docker/agents";

/** Whether the engine's image is the one the Dockerfile, the versions and this machine ask for. */
export async function isAgentsImageCurrent(places: Places, engine: Engine): Promise<boolean> {
  const image = await findImage(engine, agentsImage);
  return image?.labels[inputsLabel] === wantedInputs(places, engine);
}

export async function buildAgentsImage(
  places: Places,
  engine: Engine,
  base: string,
  clis: AgentClis,
  steps: Steps,
): Promise<void> {
  await steps.step(`image ${agentsImage}: building on ${base}`, () =>
    buildImage(engine, places.cache, {
      tag: agentsImage,
      dockerfile: join(places.root, dir, "Dockerfile"),
      target: "supplied",
      args: { BASE: base },
      context: { ...clis, "extra-ca.crt": extraCa(places) },
      inputs: wantedInputs(places, engine),
    }),
  );
}

function wantedInputs(places: Places, engine: Engine): string {
  const certificates = createHash("sha256")
    .update(readFileSync(extraCa(places)))
    .digest("hex");
  const files = ["Dockerfile", "packages.mjs", "versions.json"].map((file) => `${dir}/${file}`);
  return inputHash(places.root, files, [engine.arch, certificates]);
}

/** Where this machine speaks to registries through a proxy of its own, containers do as well. */
function extraCa(places: Places): string {
  const ofMachine = process.env["NODE_EXTRA_CA_CERTS"];
  if (ofMachine && existsSync(ofMachine)) return ofMachine;
  return join(places.root, dir, "extra-ca.crt");
}
