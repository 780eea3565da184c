import { Readable } from "node:stream";
import { type Engine, onEngine, statusOf, unlessGone } from "./engine.ts";
import { overlayOptions, volumeMount } from "./mounts.ts";
import type { Naming } from "./names.ts";
import type { Steward } from "./steward.ts";

/**
 * Can this engine show a volume as an overlay over another? Tried on a container that is never
 * started: looking at a path in it mounts its volumes.
 */
export async function canMountOverlay(
  engine: Engine,
  naming: Naming,
  options: {
    readonly image: string;
    readonly volumesRoot: string;
    readonly steward: () => Promise<Steward>;
  },
): Promise<boolean> {
  const labels = naming.labels("probe");
  const name = `${naming.prefix}-probe`;
  const names = {
    work: `${name}-work`,
    upper: `${name}-upper`,
    home: `${name}-home`,
    exchange: `${name}-exchange`,
  };
  const data = (volume: string) => `${options.volumesRoot}/${volume}/_data`;
  const remove = async () => {
    await unlessGone("remove a probe", () => engine.getContainer(name).remove({ force: true }));
    for (const volume of Object.values(names)) {
      await unlessGone("remove a probe's volume", () => engine.getVolume(volume).remove());
    }
  };
  await remove();
  try {
    for (const volume of [names.upper, names.home, names.exchange]) {
      await onEngine("create a probe's volume", () =>
        engine.createVolume({ Name: volume, Labels: labels }),
      );
    }
    await (await options.steward()).prepare(names, {});
    const { upper, home } = names;
    const container = await onEngine("create a probe", () =>
      engine.createContainer({
        name,
        Image: options.image,
        Labels: labels,
        Cmd: ["true"],
        HostConfig: {
          NetworkMode: "none",
          Mounts: [
            volumeMount({
              volume: names.work,
              at: "/probe",
              labels,
              options: overlayOptions(data(home), `${data(upper)}/upper`, `${data(upper)}/work`),
            }),
          ],
        },
      }),
    );
    try {
      const answer: unknown = await container.infoArchive({ path: "/probe" });
      // A stream, though it has no body; left alone it would keep its connection, and the process.
      if (answer instanceof Readable) answer.resume();
      return true;
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      return false;
    }
  } finally {
    await remove();
  }
}
