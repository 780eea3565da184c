import type { Container } from "dockerode";
import type { AttemptName } from "../../ports/executor.port.ts";
import { type Engine, engineFault, onEngine, unlessGone } from "./engine.ts";
import { attemptOf, LABEL } from "./names.ts";

/**
 * Has every process of a container stand still, or go on. Nothing where that is so already, or where
 * the container does not run.
 */
export async function setPaused(container: Container, isWanted: boolean): Promise<void> {
  try {
    await (isWanted ? container.pause() : container.unpause());
  } catch (error) {
    // Engines refuse what is so already, each with a status of its own.
    const found = await unlessGone("look up a container", () => container.inspect());
    const { Running = false, Paused = false } = found?.State ?? {};
    if (!Running || Paused === isWanted) return;
    throw engineFault(error, isWanted ? "pause a container" : "have a container go on");
  }
}

export interface StandStill {
  /** Attempts whose containers are paused now. */
  readonly standing: readonly AttemptName[];
  /** Those of them that ran until now. */
  readonly stopped: readonly AttemptName[];
}

/**
 * Pauses whatever attempts of a runner run, all at once.
 *
 * @throws `engine_unavailable` where one could not be paused; all others are then
 */
export async function standStill(engine: Engine, runnerId: string): Promise<StandStill> {
  const label = [`${LABEL.runner}=${runnerId}`, `${LABEL.role}=attempt`];
  const found = await onEngine("list containers", () =>
    engine.listContainers({ filters: { label, status: ["running", "paused"] } }),
  );
  const named = found.flatMap(({ Id, Labels, State }) => {
    const name = attemptOf(Labels);
    return name === undefined ? [] : [{ name, id: Id, runs: State !== "paused" }];
  });
  const running = named.filter(({ runs }) => runs);
  const paused = await Promise.allSettled(
    running.map(({ id }) => setPaused(engine.getContainer(id), true)),
  );
  for (const result of paused) if (result.status === "rejected") throw result.reason;
  return {
    standing: named.map(({ name }) => name),
    stopped: running.map(({ name }) => name),
  };
}
