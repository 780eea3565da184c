import type { ContainerInspectInfo } from "dockerode";
import type { AttemptName } from "../../ports/executor.port.ts";
import { harvestContainer } from "./attempt-container.rules.ts";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import type { Naming } from "./names.ts";

/**
 * Harvests what a container left that ended without doing it (killed for memory, by its agent, by
 * us), in a second one on the same volumes, hardened alike and without network.
 */
export async function harvestAgain(
  engine: Engine,
  naming: Naming,
  name: AttemptName,
  first: ContainerInspectInfo,
): Promise<void> {
  const again = naming.harvest(name);
  await unlessGone("remove a harvest container", () =>
    engine.getContainer(again).remove({ force: true, v: true }),
  );
  const container = await onEngine("create a harvest container", () =>
    engine.createContainer(
      harvestContainer(first, { name: again, labels: naming.labels("harvest", name) }),
    ),
  );
  await onEngine("start a harvest container", () => container.start());
  await onEngine("wait for a harvest container", () => container.wait());
  await unlessGone("remove a harvest container", () => container.remove({ force: true, v: true }));
}
