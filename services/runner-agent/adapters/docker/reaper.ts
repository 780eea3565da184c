import type { AttemptName, Leftover } from "../../ports/executor.port.ts";
import { type Engine, onEngine, unlessGone } from "./engine.ts";
import { attemptOf, LABEL, type Labels, type Naming } from "./names.ts";

interface Found extends Leftover {
  remove(): Promise<unknown>;
}

/** What of this runner is on its engine and wanted by nobody. */
export interface Reaper {
  /**
   * Containers first, then volumes, then networks: each may be in use by one before it.
   *
   * @param isWanted decides on what belongs to no attempt, by name
   */
  find(
    keep: readonly AttemptName[],
    isWanted: (name: string) => boolean,
  ): Promise<readonly Found[]>;
}

export function leftoverReaper(engine: Engine, naming: Naming): Reaper {
  const filters = { label: [`${LABEL.runner}=${naming.runnerId}`] };

  const containers = async (isLeft: IsLeft): Promise<Found[]> => {
    const found = await onEngine("list containers", () =>
      engine.listContainers({ all: true, filters }),
    );
    return found.flatMap(({ Id, Names, Labels }) => {
      const name = Names[0]?.replace(/^\//, "") ?? Id;
      if (!isLeft(name, Labels)) return [];
      const remove = () =>
        unlessGone(
          "remove a left-over container",
          () => engine.getContainer(Id).remove({ force: true, v: true }),
          [404, 409],
        );
      return [{ kind: "container", name, remove }];
    });
  };

  const volumes = async (isLeft: IsLeft): Promise<Found[]> => {
    const { Volumes } = await onEngine("list volumes", () => engine.listVolumes({ filters }));
    return (Volumes ?? []).flatMap(({ Name, Labels }) => {
      if (!isLeft(Name, Labels)) return [];
      // A volume in use is refused, and found again the next time.
      const remove = () =>
        unlessGone("remove a left-over volume", () => engine.getVolume(Name).remove(), [404, 409]);
      return [{ kind: volumeKind(Labels), name: Name, remove }];
    });
  };

  const networks = async (isWanted: (name: string) => boolean): Promise<Found[]> => {
    const found = await onEngine("list networks", () => engine.listNetworks({ filters }));
    return found.flatMap(({ Id, Name }) => {
      if (isWanted(Name)) return [];
      const remove = () =>
        unlessGone(
          "remove a left-over network",
          () => engine.getNetwork(Id).remove(),
          [403, 404, 409],
        );
      return [{ kind: "network", name: Name, remove }];
    });
  };

  return {
    async find(keep, isWanted) {
      const kept = new Set(keep.map(naming.container));
      const isLeft: IsLeft = (name, labels) => {
        const attempt = attemptOf(labels);
        return attempt === undefined ? !isWanted(name) : !kept.has(naming.container(attempt));
      };
      return [
        ...(await containers(isLeft)),
        ...(await volumes(isLeft)),
        ...(await networks(isWanted)),
      ];
    },
  };
}

type IsLeft = (name: string, labels: Labels | undefined) => boolean;

function volumeKind(labels: Labels | undefined): "pack" | "checkout" | "volume" {
  const role = labels?.[LABEL.role];
  return role === "pack" || role === "checkout" ? role : "volume";
}
