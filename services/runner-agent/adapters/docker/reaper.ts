import type { AttemptName } from "../../ports/executor.port.ts";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import { attemptOf, LABEL, type Naming } from "./names.ts";

/**
 * Removes what of this runner is on the engine and wanted by nobody. `isWanted` decides on what
 * belongs to no attempt, by name.
 */
export async function reapLeftovers(
  engine: Engine,
  naming: Naming,
  keep: readonly AttemptName[],
  isWanted: (name: string) => boolean,
): Promise<void> {
  const kept = new Set(keep.map(naming.container));
  const filters = { label: [`${LABEL.runner}=${naming.runnerId}`] };
  const isLeft = (name: string, labels: Record<string, string> | undefined) => {
    const attempt = attemptOf(labels);
    return attempt === undefined ? !isWanted(name) : !kept.has(naming.container(attempt));
  };

  const containers = await onEngine("list containers", () =>
    engine.listContainers({ all: true, filters }),
  );
  for (const { Id, Names, Labels } of containers) {
    if (!isLeft(Names[0]?.replace(/^\//, "") ?? "", Labels)) continue;
    await unlessGone(
      "remove a left-over container",
      () => engine.getContainer(Id).remove({ force: true, v: true }),
      [404, 409],
    );
  }
  const { Volumes } = await onEngine("list volumes", () => engine.listVolumes({ filters }));
  for (const { Name, Labels } of Volumes ?? []) {
    if (!isLeft(Name, Labels)) continue;
    // A volume in use is refused, and found again the next time.
    await unlessGone(
      "remove a left-over volume",
      () => engine.getVolume(Name).remove(),
      [404, 409],
    );
  }
  const networks = await onEngine("list networks", () => engine.listNetworks({ filters }));
  for (const { Id, Name } of networks) {
    if (isWanted(Name)) continue;
    await unlessGone(
      "remove a left-over network",
      () => engine.getNetwork(Id).remove(),
      [403, 404, 409],
    );
  }
}
