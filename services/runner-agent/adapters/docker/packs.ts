import { stat } from "node:fs/promises";
import type { PackSpec } from "../../ports/executor.port.ts";
import { readBundleHeader } from "./bundle-header.ts";
import { volumeMount } from "./mounts.ts";
import type { Naming } from "./names.ts";
import { PLACE } from "./places.ts";
import type { FillJob } from "./stored-volumes.ts";

/** Packs as read-only mounts, each at the place that alternates name. */
export const packMounts = (naming: Naming, sha256s: readonly string[]) =>
  sha256s.map((sha256) =>
    volumeMount({
      volume: naming.pack(sha256),
      at: PLACE.pack(sha256),
      labels: naming.labels("pack"),
      readOnly: true,
    }),
  );

/** How a bundle becomes the volume of a pack. The helper sees this bundle and its parents only. */
export async function packJob(
  naming: Naming,
  script: string,
  pack: PackSpec,
  bundlePath: string,
): Promise<FillJob> {
  const { objectFormat, packOffset } = await readBundleHeader(bundlePath);
  const { size } = await stat(bundlePath);
  const shallow = pack.shallow.map((commit) => `${commit}\n`).join("");
  return {
    what: `Storing the bundle ${pack.sha256.slice(0, 12)}`,
    script,
    at: PLACE.pack(pack.sha256),
    args: [
      PLACE.pack(pack.sha256),
      objectFormat,
      String(shallow.length),
      String(size - packOffset),
      ...pack.parents.map(PLACE.pack),
    ],
    mounts: packMounts(naming, pack.parents),
    input: [shallow, { path: bundlePath, start: packOffset }],
  };
}
